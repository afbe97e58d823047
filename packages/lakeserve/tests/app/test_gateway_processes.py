"""Gateways in processes of their own, beside the parts of a platform that they need."""

import asyncio
import json
import signal
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest
from lakeserve.app.gateway_processes import GatewayProcesses
from lakeserve.app.listening import listen_beside, listen_together
from lakeserve.app.server import Serving
from lakeserve.app.sockets import Sockets
from lakeserve.control.bootstrap import apply_settings
from lakeserve.control.secrets.keys import open_key_ring
from lakeserve.core.endpoints import Address
from lakeserve.core.errors import ConfigurationError, Unavailable
from lakeserve.core.identity import token_digest
from lakeserve.core.ids import now_ms
from lakeserve.core.tokens import TokenFacts
from lakeserve.reconcile.gateway_link import GatewayLink
from lakeserve.settings import Settings
from lakeserve.storage.database import Storage, open_storage
from lakeserve.storage.journal import JournalFolder

CALL = "/serving-endpoints/databricks-dbrx-instruct/invocations"
BODY = {"messages": [{"role": "user", "content": "Hello"}]}
PROCESSES = 2


class NoWorkers:
    """Starts none."""

    async def activate(self, entity_id: str) -> Address:
        raise Unavailable(f"no worker for {entity_id}", retry_after=3)


async def says_who_calls(scope: Any, _receive: Any, send: Any) -> None:
    """The platform behind the gateways, for these tests."""
    body = json.dumps({"path": scope["path"], "client": scope["client"][0]}).encode()
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Stage:
    """Gateways that run, and what they follow."""

    def __init__(
        self, storage: Storage, link: GatewayLink, processes: GatewayProcesses, url: str
    ) -> None:
        self.storage = storage
        self.link = link
        self.processes = processes
        self.url = url

    def pids(self) -> list[int]:
        return [process.pid for process in self.processes._processes.values()]

    async def call(self, path: str, token: str, body: object = None) -> tuple[int, Any]:
        """On a connection of its own, which the kernel gives to any of them."""
        return await asyncio.to_thread(self._call, path, token, body)

    def _call(self, path: str, token: str, body: object) -> tuple[int, Any]:
        request = urllib.request.Request(
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    settings = Settings(data_dir=tmp_path, drain_timeout_s=1)
    async with AsyncExitStack() as stack:
        storage = await open_storage(settings)
        stack.push_async_callback(storage.close)
        await apply_settings(storage, settings)
        await open_key_ring(storage, settings)
        JournalFolder(settings.journal_dir).prepare()
        sockets = stack.enter_context(Sockets.of(tmp_path))
        link = GatewayLink()
        await link.start(sockets.link, NoWorkers())
        stack.push_async_callback(link.stop)
        listener = stack.enter_context(listen_beside(sockets.http))
        serving = Serving(says_who_calls, settings, listener, behind=True)
        stack.push_async_callback(serving.stop)
        listeners = stack.enter_context(listen_together("127.0.0.1", 0, PROCESSES))
        processes = GatewayProcesses(settings, listeners, sockets)
        stack.push_async_callback(processes.stop)
        await processes.start()
        await until(lambda: len(link._followers) == PROCESSES)
        url = f"http://127.0.0.1:{listeners[0].getsockname()[1]}"
        yield Stage(storage, link, processes, url)


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(3000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to that")


async def make_token(stage: Stage, value: str) -> None:
    facts = TokenFacts(token_digest(value), "1001", "", "1001", now_ms())
    await stage.storage.write(lambda tx: tx.tokens.create(facts, token_digest(value)))


async def test_what_is_no_call_of_an_endpoint_goes_to_the_platform(stage: Stage) -> None:
    answers = [await stage.call("/api/2.0/token/list", "any") for _ in range(6)]
    assert answers == [(200, {"path": "/api/2.0/token/list", "client": "127.0.0.1"})] * 6


async def test_a_change_counts_in_all_of_them(stage: Stage) -> None:
    await make_token(stage, "dapi-new")
    await stage.link.announce(await stage.storage.read(lambda tx: tx.changes.revision()))
    answers = await asyncio.gather(*(stage.call(CALL, "dapi-new", BODY) for _ in range(10)))
    # They know token and endpoint; its worker has to be started by the platform.
    assert {status for status, _ in answers} == {503}
    assert all("no worker for" in answer["message"] for _, answer in answers)


async def test_a_change_is_found_without_being_told(stage: Stage) -> None:
    await stage.link.stop()
    await make_token(stage, "dapi-new")
    for _ in range(100):
        answers = await asyncio.gather(*(stage.call(CALL, "dapi-new", BODY) for _ in range(8)))
        if {status for status, _ in answers} == {503}:
            break
        await asyncio.sleep(0.05)
    assert all("does not answer" in answer["message"] for _, answer in answers)


async def test_one_that_dies_is_started_again_and_the_others_go_on(stage: Stage) -> None:
    first, second = stage.pids()
    psutil.Process(first).kill()
    answers = await asyncio.gather(*(stage.call("/api/x", "any") for _ in range(20)))
    assert {status for status, _ in answers} == {200}
    await until(lambda: first not in stage.pids() and len(stage.link._followers) == PROCESSES)
    assert second in stage.pids()


async def test_they_end_when_told_and_when_the_platform_goes(stage: Stage) -> None:
    processes = [psutil.Process(pid) for pid in stage.pids()]
    for task in stage.processes._tasks:
        task.cancel()
    first, second = stage.processes._processes.values()
    first.send_signal(signal.SIGTERM)
    assert second.stdin is not None
    second.stdin.close()
    assert await asyncio.wait_for(first.wait(), 30) == 0
    assert await asyncio.wait_for(second.wait(), 30) == 0
    assert not any(process.is_running() for process in processes)


async def test_one_that_cannot_start_is_said_so(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    storage = await open_storage(settings)
    await storage.close()
    (tmp_path / "secrets.key").write_text("words")
    (tmp_path / "secrets.key").chmod(0o600)
    with listen_together("127.0.0.1", 0, 1) as listeners:
        processes = GatewayProcesses(settings, listeners, Sockets.within(tmp_path))
        with pytest.raises(ConfigurationError, match="does not start"):
            await processes.start()
        await processes.stop()
