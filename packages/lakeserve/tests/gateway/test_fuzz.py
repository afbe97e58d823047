"""Bytes that nobody meant, from callers and from upstreams: nothing breaks, nothing is mixed up."""

import asyncio
import contextlib
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
from gateway.stage import STREAM, Stage, open_stage
from gateway.strict_upstream import LAST_CHUNK, Seen, Step, chunk, chunked_head, whole
from gateway.test_direct import PATH, serving
from gateway.test_server import call, reply
from hypothesis import given, settings
from hypothesis import strategies as st

BODY: dict[str, Any] = {"messages": [{"role": "user", "content": "one"}]}
VALID = call(BODY, PATH)
WHOLE = whole(200, b'{"choices": [{"message": {"content": "two"}}]}')
STREAMED = (
    chunked_head() + chunk(b'data: {"choices": []}\n\n') + chunk(b"data: [DONE]\n\n") + LAST_CHUNK
)

Edit = tuple[int, int, bytes]
edits = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 8), st.binary(max_size=8)), max_size=4
)


def edited(data: bytes, changes: list[Edit]) -> bytes:
    for start, length, new in changes:
        data = data[:start] + new + data[start + length :]
    return data


def on_a_stage(test: Callable[[Stage, int], Awaitable[None]]) -> None:
    async def run() -> None:
        with tempfile.TemporaryDirectory(prefix="gw") as folder:
            async with (
                open_stage(Path(folder), timeout_s=2.0) as stage,
                serving(stage, call_s=2.0, idle_s=2.0) as port,
            ):
                await test(stage, port)

    asyncio.run(run())


def echo(seen: Seen) -> list[Step]:
    """Answers with what was asked, so that a mixed-up answer shows."""
    return [whole(200, orjson.dumps({"echo": seen.json()["messages"]}))]


async def served_well(port: int, name: str) -> None:
    """A call of somebody else gets its own answer."""
    line = await asyncio.open_connection("127.0.0.1", port)
    messages = [{"role": "user", "content": name}]
    line[1].write(call({"messages": messages}, PATH))
    status, body = await reply(line)
    assert (status, orjson.loads(body)) == (200, {"echo": messages})
    line[1].close()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.one_of(edits.map(lambda e: edited(VALID, e)), st.binary(max_size=60)), max_size=3)
)
def test_callers(pieces: list[bytes]) -> None:
    async def test(stage: Stage, port: int) -> None:
        stage.worker.script = echo
        line = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                line[1].write(piece)
                await asyncio.sleep(0)
            await served_well(port, "meanwhile")
            line[1].write_eof()
            await asyncio.wait_for(line[0].read(), 10)
        line[1].transport.abort()
        await served_well(port, "afterwards")
        stage.worker.faults.clear()  # strict about headers that callers cannot even reach

    on_a_stage(test)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([WHOLE, STREAMED]).flatmap(
        lambda valid: edits.map(lambda e: edited(valid, e)) | st.binary(max_size=200)
    ),
    st.booleans(),
    st.booleans(),
)
def test_upstreams(answer: bytes, stream: bool, ends: bool) -> None:
    async def test(stage: Stage, port: int) -> None:
        steps: list[Step] = [answer, "close"] if ends else [answer]
        stage.worker.script = lambda _: steps
        line = await asyncio.open_connection("127.0.0.1", port)
        line[1].write(call(STREAM if stream else BODY, PATH))
        status, body = await reply(line)
        assert status in {200, 400, 403, 404, 429, 501, 502, 503, 504}
        if status != 200:
            assert set(orjson.loads(body)) == {"error_code", "message"}
        elif stream:
            assert body.endswith(b"\n\n")
        line[1].close()
        stage.worker.script = echo
        await served_well(port, "afterwards")
        assert stage.gateway.in_flight == 0
        assert len(stage.ledger.records) == 2

    on_a_stage(test)
