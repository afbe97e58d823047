"""Gateways are killed in the middle of their work a hundred times; the books stay right.

The process that is killed is also the one that moves journals into tables, so its transactions and
the deletion of journals are hit as well.
"""

import asyncio
import os
import random
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import orjson
import pytest
from databases import Database
from e2e.killable_gateway import settings
from gateway.strict_upstream import (
    LAST_CHUNK,
    Seen,
    Step,
    StrictUpstream,
    chunk,
    chunked_head,
    whole,
)
from lakeserve.core.identity import DEVELOPMENT_TOKEN
from lakeserve.reconcile.books import PlatformBooks
from lakeserve.storage.database import Storage

TESTS = Path(__file__).parents[1]
KILLS = 100
CALLERS = 8
REPLY = orjson.dumps(
    {
        "choices": [{"message": {"role": "assistant", "content": "hi"}}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 5},
    }
)
EVENTS = (
    b'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n',
    b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5}}\n\n',
    b"data: [DONE]\n\n",
)


def answer(seen: Seen) -> list[Step]:
    if b'"stream"' not in seen.body:
        return [whole(200, REPLY)]
    first, *rest = map(chunk, EVENTS)
    return [chunked_head(), first, 0.002, *rest, LAST_CHUNK]


class Callers:
    """Callers that call as fast as they can and remember the ids of answers that came whole."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.whole: list[str] = []
        self.broken = 0

    async def run(self, number: int) -> None:
        while True:
            with suppress(OSError, EOFError):
                await self._call_on_one_connection(number)
            self.broken += 1

    async def _call_on_one_connection(self, number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            while True:
                body = orjson.dumps(
                    {
                        "messages": [{"role": "user", "content": "x" * random.randrange(2000)}],
                        **({"stream": True} if number % 3 == 0 else {}),
                    }
                )
                writer.write(
                    b"POST /serving-endpoints/plain/invocations HTTP/1.1\r\nhost: x\r\n"
                    b"authorization: Bearer %b\r\ncontent-length: %d\r\n\r\n%b"
                    % (DEVELOPMENT_TOKEN.encode(), len(body), body)
                )
                self.whole.append(await _whole_answer(reader))
        finally:
            writer.close()


async def _whole_answer(reader: asyncio.StreamReader) -> str:
    """The request id of an answer, once its last byte is here."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
    assert head[0] == "http/1.1 200 ok", head
    headers = dict(line.split(": ", 1) for line in head[1:] if line)
    if "content-length" in headers:
        await reader.readexactly(int(headers["content-length"]))
    else:
        while (size := int(await reader.readuntil(b"\r\n"), 16)) > 0:
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
    return headers["x-request-id"]


@pytest.fixture
async def upstream() -> AsyncIterator[str]:
    with tempfile.TemporaryDirectory(prefix="gw") as folder:
        server = StrictUpstream(script=answer)
        await server.listen_unix(f"{folder}/u")
        yield f"{folder}/u"
        await server.aclose()


async def _kill_again_and_again(data_dir: Path, upstream: str) -> Callers:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(TESTS / "e2e/killable_gateway.py"), str(data_dir), upstream),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    callers = Callers(int(await process.stdout.readline()))
    tasks = [asyncio.create_task(callers.run(number)) for number in range(CALLERS)]
    try:
        for _ in range(KILLS):
            process.stdin.write(b"go\n")
            child = int(await process.stdout.readline())
            before = len(callers.whole)
            while len(callers.whole) < before + 20:  # it serves  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            # Long enough, every now and then, that a journal is completed and moved.
            await asyncio.sleep(random.choice((0.0, 0.01, 0.05, 0.05, 0.1, 0.8)) * random.random())
            os.kill(child, signal.SIGKILL)
            assert await process.stdout.readline() == b"gone\n"
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        process.stdin.close()
        await process.wait()
    return callers


async def test_every_whole_answer_has_exactly_one_row(tmp_path: Path, upstream: str) -> None:
    path = tmp_path / "lakeserve.db"
    await (await Storage.open(path)).close()
    callers = await _kill_again_and_again(tmp_path, upstream)
    assert callers.broken > KILLS

    storage = await Storage.open(path)
    books = PlatformBooks(storage, settings(tmp_path))
    books.start()
    await books.stop()
    (total,) = await storage.read(lambda tx: tx.usage.totals("endpoint"))
    await storage.close()
    rows = Database("sqlite", path).rows(
        "SELECT databricks_request_id, status_code, input_token_count, output_token_count, cost"
        " FROM endpoint_usage"
    )
    by_id = {row[0]: row[1:] for row in rows}
    assert len(by_id) == len(rows)
    missing = set(callers.whole) - by_id.keys()
    assert missing == set()
    assert {by_id[each] for each in callers.whole} == {(200, 7, 5, 12e-6)}
    assert len(set(callers.whole)) == len(callers.whole)
    # Sums agree with the rows: no journal was added up twice, none left out.
    assert (total.calls, total.input_tokens) == (len(rows), sum(row[2] for row in rows))
    assert list((tmp_path / "journal").glob("*.journal")) == []
