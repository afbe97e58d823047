from __future__ import annotations

import asyncio
import copy
import pickle
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from langchain_lakeserve import (
    ChatDatabricks,
    ConfigurationError,
    CredentialsError,
    DeadlineExceededError,
)
from langchain_lakeserve._auth import (
    SDKCredentials,
    TokenCredentials,
    normalized_host,
    notebook_cluster_id,
    profile_of,
    resolve,
)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://test-ws.cloud.databricks.com", "https://test-ws.cloud.databricks.com"),
        ("https://spark.cloud/", "https://spark.cloud"),
        ("https://w.cloud/?o=123#x", "https://w.cloud"),
        ("w.cloud", "https://w.cloud"),
        (" w.cloud:8443 ", "https://w.cloud:8443"),
        ("http://w.cloud", "http://w.cloud"),
        ("127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("localhost:8000", "http://localhost:8000"),
        ("localhost.cloud", "https://localhost.cloud"),
        ("[::1]:8000", "http://[::1]:8000"),
        ("https://w.cloud/prefix/", "https://w.cloud/prefix"),
    ],
)
def test_hosts_as_people_write_them(written: str, meant: str) -> None:
    assert normalized_host(written) == meant


@pytest.mark.parametrize("written", ["", "https://", "ftp://w.cloud", "https://me:pw@w.cloud"])
def test_what_is_no_host(written: str) -> None:
    with pytest.raises(ConfigurationError):
        normalized_host(written)


def test_profiles() -> None:
    assert profile_of(None) is profile_of("databricks") is None
    assert profile_of("databricks://prod") == "prod"
    with pytest.raises(ConfigurationError):
        profile_of("mlflow://x")


class FakeConfig:
    """Stands for the SDK's configuration."""

    def __init__(self, wait: float = 0.0) -> None:
        self.host = "https://w.cloud/"
        self.wait = wait
        self.asked = 0
        self.lock = threading.Lock()  # the SDK's cannot be pickled either

    def authenticate(self) -> dict[str, str]:
        self.asked += 1
        time.sleep(self.wait)
        return {"authorization": f"Bearer {self.asked}"}


def test_the_sdk_is_asked_again_in_time() -> None:
    config, now = FakeConfig(), [0.0]
    credentials = SDKCredentials(lambda: config, clock=lambda: now[0])
    assert credentials.headers(1) == credentials.headers(1) == {"authorization": "Bearer 1"}
    assert credentials.host == "https://w.cloud"
    now[0] = 60.0
    assert credentials.headers(1) == {"authorization": "Bearer 2"}
    assert credentials.renew()
    assert credentials.headers(1) == {"authorization": "Bearer 3"}


async def test_the_event_loop_goes_on_while_a_token_comes() -> None:
    config = FakeConfig(wait=0.4)
    credentials = SDKCredentials(lambda: config)
    waiting = [asyncio.ensure_future(credentials.aheaders(5)) for _ in range(5)]
    begun = time.monotonic()
    await asyncio.sleep(0.01)
    assert time.monotonic() - begun < 0.3
    headers = await asyncio.gather(*waiting)
    assert headers == [{"authorization": "Bearer 1"}] * 5  # one token for all
    assert config.asked == 1


async def test_waiting_for_a_token_has_an_end() -> None:
    credentials = SDKCredentials(lambda: FakeConfig(wait=1.0))
    with pytest.raises(DeadlineExceededError):
        await credentials.aheaders(0.05)
    with pytest.raises(DeadlineExceededError):
        credentials.headers(0.05)


def test_what_the_sdk_says_is_passed_on() -> None:
    def broken() -> FakeConfig:
        raise RuntimeError("no profile 'x'")

    with pytest.raises(CredentialsError, match="no profile 'x'"):
        SDKCredentials(broken).headers(1)


def test_a_workspace_client_is_used_and_never_copied() -> None:
    config = FakeConfig()
    client = SimpleNamespace(config=config)
    model = ChatDatabricks(model="m", workspace_client=client)
    assert isinstance(resolve(None, None, None, client), SDKCredentials)
    model._connected()
    assert copy.deepcopy(model).workspace_client is client
    assert pickle.loads(pickle.dumps(model)).workspace_client is None
    with pytest.raises(ConfigurationError, match="WorkspaceClient"):
        resolve(None, None, None, object())


def test_a_notebook_knows_where_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    context = SimpleNamespace(browserHostName="w.cloud", apiToken="t", clusterId="c-1")
    module = SimpleNamespace(get_context=lambda: context)
    monkeypatch.setitem(sys.modules, "dbruntime", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "dbruntime.databricks_repl_context", module)
    credentials = resolve(None, None)
    assert credentials.host == "https://w.cloud"
    assert credentials.headers(1) == {"authorization": "Bearer t"}
    assert notebook_cluster_id() == "c-1"


def test_host_and_token_need_no_sdk() -> None:
    credentials = resolve("w.cloud", "t")
    assert isinstance(credentials, TokenCredentials)
    assert credentials.host == "https://w.cloud"
    assert credentials.headers(1) == {"authorization": "Bearer t"}
    assert not credentials.renew()
