"""ChatDatabricks when things go wrong, and what it leaves behind."""

from __future__ import annotations

import asyncio
import gc
import pickle
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk
from langchain_lakeserve import (
    APIError,
    AuthenticationError,
    BadRequestError,
    ChatDatabricks,
    ConnectionFailedError,
    DeadlineExceededError,
    EmptyReplyError,
    NotFoundError,
    NotJSONError,
    PermissionDeniedError,
    RateLimitError,
    ReplyError,
    ServerError,
    StatusError,
    StreamedAPIError,
    StreamInterruptedError,
)
from strict_endpoint.server import Scripted, StubServer, json_reply, sse_reply
from strict_endpoint.ways import (
    ask_ainvoke,
    ask_astream,
    ask_invoke,
    ask_stream,
    chat,
)

Ask = Callable[[ChatDatabricks], Any]


each_way = pytest.mark.parametrize("ask", [ask_invoke, ask_ainvoke, ask_stream, ask_astream])
each_stream = pytest.mark.parametrize("ask", [ask_stream, ask_astream])
each_whole = pytest.mark.parametrize("ask", [ask_invoke, ask_ainvoke])


# --- faults -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequestError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (429, RateLimitError),
        (500, ServerError),
        (503, ServerError),
    ],
)
@each_way
def test_statuses(server: StubServer, status: int, kind: type[StatusError], ask: Ask) -> None:
    body = {"error_code": "SOME_CODE", "message": "some text"}
    server.play(json_reply(body, status, x_request_id="r-1"))
    with pytest.raises(kind, match="some text") as caught:
        ask(chat(server, max_retries=0))
    error = caught.value
    assert (error.status, error.error_code) == (status, "SOME_CODE")
    assert (error.request_id, error.server_text) == ("r-1", "some text")
    assert pickle.loads(pickle.dumps(error)).status == status


@each_way
def test_transient_faults_are_tried_again(server: StubServer, ask: Ask) -> None:
    server.play(json_reply({"message": "busy"}, 429, retry_after="0"), Scripted([], cut=True))
    assert ask(chat(server)).content == "You said: hi"
    assert len(server.requests) == 3


@each_way
def test_retry_after_beyond_the_deadline_is_not_waited_for(server: StubServer, ask: Ask) -> None:
    server.play(json_reply({"message": "busy"}, 429, retry_after="60"))
    begun = time.monotonic()
    with pytest.raises(RateLimitError) as caught:
        ask(chat(server, timeout=5))
    assert time.monotonic() - begun < 2
    assert caught.value.retry_after == 60


def test_what_is_wrong_stays_wrong(server: StubServer) -> None:
    server.play(json_reply({"message": "bad"}, 400), json_reply({"message": "bad"}, 501))
    with pytest.raises(BadRequestError):
        ask_invoke(chat(server))
    with pytest.raises(ServerError):
        ask_invoke(chat(server))
    assert len(server.requests) == 2


@each_way
def test_slow_endpoints_hit_the_deadline(server: StubServer, ask: Ask) -> None:
    server.play(Scripted([b"{}"], delay=3))
    begun = time.monotonic()
    with pytest.raises(DeadlineExceededError):
        ask(chat(server, timeout=0.3))
    assert time.monotonic() - begun < 2
    assert len(server.requests) == 1


@each_way
def test_nobody_there(ask: Ask) -> None:
    model = ChatDatabricks(model="m", host="127.0.0.1:9", token="t", max_retries=1)
    with pytest.raises(ConnectionFailedError):
        ask(model)


@each_whole
@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (json_reply({"choices": []}), EmptyReplyError),
        (json_reply({"messages": []}), EmptyReplyError),
        (json_reply({"predictions": []}), ReplyError),
        (json_reply([1]), ReplyError),
        (json_reply({"error": {"message": "boom", "code": "X"}}), APIError),
        (Scripted([b"<html>"], headers={"content-type": "text/html"}), NotJSONError),
        (Scripted([b""], headers={"content-type": "application/json"}), NotJSONError),
    ],
)
def test_useless_replies(
    server: StubServer, script: Scripted, kind: type[Exception], ask: Ask
) -> None:
    server.play(script)
    with pytest.raises(kind):
        ask(chat(server))
    assert len(server.requests) == 1


PART = {"id": "x", "model": "m", "choices": [{"index": 0, "delta": {"content": "a"}}]}


@each_stream
@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (sse_reply([PART, PART], done=False, cut=True), StreamInterruptedError),
        (sse_reply([PART, PART], done=False), StreamInterruptedError),
        (sse_reply([PART, {"error": {"message": "boom"}}], done=False), StreamedAPIError),
        (sse_reply([], done=True), EmptyReplyError),
        (Scripted([b"<html>", b"</html>"], headers={"content-type": "text/html"}), NotJSONError),
    ],
)
def test_broken_streams(
    server: StubServer, script: Scripted, kind: type[Exception], ask: Ask
) -> None:
    server.play(script)
    with pytest.raises(kind):
        ask(chat(server))
    assert len(server.requests) == 1


@each_stream
def test_a_silent_stream_hits_the_timeout(server: StubServer, ask: Ask) -> None:
    server.play(sse_reply([PART] * 3, pause=2))
    with pytest.raises(DeadlineExceededError):
        ask(chat(server, timeout=0.4))


# --- closing ------------------------------------------------------------------------------


def wait_for(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 2
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


def test_leaving_a_stream_closes_the_connection(server: StubServer) -> None:
    server.play(sse_reply([PART] * 500, pause=0.02))
    for _ in chat(server).stream("hi"):
        break
    assert wait_for(lambda: server.open_streams == 0)


async def test_leaving_an_async_stream_closes_the_connection(server: StubServer) -> None:
    server.play(sse_reply([PART] * 500, pause=0.02))
    stream: AsyncIterator[AIMessageChunk] = chat(server).astream("hi")
    async for _ in stream:
        break
    await stream.aclose()  # type: ignore[attr-defined]
    for _ in range(100):
        await asyncio.sleep(0.01)
        if server.open_streams == 0:
            return
    pytest.fail("the server still streams")


async def test_cancelling_closes_the_connection(server: StubServer) -> None:
    server.play(sse_reply([PART] * 500, pause=0.02))

    async def read() -> None:
        async for _ in chat(server).astream("hi"):
            pass

    task = asyncio.ensure_future(read())
    await asyncio.sleep(0.2)
    assert server.open_streams == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for _ in range(100):
        await asyncio.sleep(0.01)
        if server.open_streams == 0:
            return
    pytest.fail("the server still streams")


@each_stream
def test_a_finished_stream_keeps_its_connection(server: StubServer, ask: Ask) -> None:
    from langchain_lakeserve import _http

    ask(chat(server))
    if ask is ask_stream:
        assert _http._connections._idle[server.host]


def test_loops_come_and_go(server: StubServer) -> None:
    model = chat(server)
    from langchain_lakeserve import _http

    for _ in range(3):
        ask_ainvoke(model)
        ask_astream(model)
    gc.collect()  # an unclosed session would warn here, and warnings are errors
    assert not any(loop.is_closed() for loop in _http._sessions)


def test_a_loop_that_is_closed_without_ceremony(server: StubServer) -> None:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(chat(server).ainvoke("hi"))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    gc.collect()


async def test_two_hundred_at_once(server: StubServer) -> None:
    server.latency = 0.2
    model = chat(server)
    await asyncio.gather(*[model.ainvoke("hi") for _ in range(200)])
    begun = time.monotonic()
    await asyncio.gather(*[model.ainvoke("hi") for _ in range(200)])
    assert time.monotonic() - begun < 2  # the benchmark measures; here nothing may queue


def test_threads_share_connections(server: StubServer) -> None:
    replies = chat(server).batch(["hi"] * 50, config={"max_concurrency": 16})
    assert {reply.content for reply in replies} == {"You said: hi"}


# --- tokens that expire -------------------------------------------------------------------


class Expiring:
    """Stands for a workspace client whose token expires."""

    def __init__(self, server: StubServer) -> None:
        self.config = self
        self.host = server.host
        self._right = server.token
        self.asked = 0

    def authenticate(self) -> dict[str, str]:
        self.asked += 1
        token = self._right if self.asked > 1 else "expired"
        return {"authorization": f"Bearer {token}"}


@each_way
def test_a_rejected_token_is_renewed_once(server: StubServer, ask: Ask) -> None:
    client = Expiring(server)
    model = ChatDatabricks(model="m", workspace_client=client, max_retries=0)
    assert ask(model).content == "You said: hi"
    assert client.asked == 2
    server.play(*[json_reply({"message": "Invalid access token."}, 403)] * 2)
    with pytest.raises(PermissionDeniedError):
        ask(model)
    assert client.asked == 3
