"""A gateway that has only the database, as one on another machine."""

import asyncio
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from databases import Database
from lakeserve.app.listening import listen
from lakeserve.app.standalone import StandaloneGateway, control_of
from lakeserve.control.bootstrap import apply_settings
from lakeserve.control.secrets.keys import open_key_ring
from lakeserve.control.secrets.vault import Vault
from lakeserve.core.errors import ConfigurationError
from lakeserve.core.identity import DEVELOPMENT_TOKEN
from lakeserve.gateway.control_proxy import ControlProxy, NoControl
from lakeserve.settings import Settings
from lakeserve.storage.database import open_storage

CALL = "/serving-endpoints/databricks-dbrx-instruct/invocations"


def settings_for(database: Database, tmp_path: Path, **more: object) -> Settings:
    if database.kind == "postgresql":
        more["database_url"] = database.place
    return Settings.model_validate({"data_dir": tmp_path, **more})


async def prepare(settings: Settings) -> None:
    """What a platform has done before."""
    storage = await open_storage(settings)
    await apply_settings(storage, settings)
    vault = Vault(storage, await open_key_ring(storage, settings))
    await vault.seal("a value")
    await storage.close()


def call(url: str, body: object = None) -> tuple[int, Any]:
    request = urllib.request.Request(
        url,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {DEVELOPMENT_TOKEN}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


async def test_it_knows_what_is_stored_and_says_what_it_cannot_do(
    database: Database, tmp_path: Path
) -> None:
    settings = settings_for(database, tmp_path)
    await prepare(settings)
    with listen("127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with StandaloneGateway(settings, listener, control_of(settings), None):
            body = {"messages": [{"role": "user", "content": "Hello"}]}
            status, answer = await asyncio.to_thread(call, url + CALL, body)
            assert status == 503
            assert "on another machine" in answer["message"]
            status, answer = await asyncio.to_thread(call, f"{url}/api/2.0/serving-endpoints")
            assert status == 503
            assert "--control-url" in answer["message"]


async def test_without_the_master_key_it_does_not_start(database: Database, tmp_path: Path) -> None:
    settings = settings_for(database, tmp_path)
    await prepare(settings)
    (tmp_path / "secrets.key").unlink()
    with (
        listen("127.0.0.1", 0) as listener,
        pytest.raises(ConfigurationError, match="master key"),
    ):
        async with StandaloneGateway(settings, listener, NoControl(), None):
            pass
    assert not (tmp_path / "secrets.key").exists()


async def test_the_platform_that_answers_the_rest(tmp_path: Path) -> None:
    assert isinstance(control_of(Settings(data_dir=tmp_path)), NoControl)
    named = control_of(Settings(data_dir=tmp_path, control_url="https://lake.example/"))
    assert isinstance(named, ControlProxy)
    assert named.platform.host == "lake.example"
    named.close()
