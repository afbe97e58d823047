import os

import pytest
from lakeserve.workers.bearer import (
    BEARER_VARIABLE,
    App,
    Message,
    Receive,
    Send,
    guarded,
    take_bearer,
)


async def app(scope: Message, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})


async def status(asked: App, path: str, *shown: bytes) -> int:
    """The status of a call that shows these values in its ``authorization`` headers."""
    statuses = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def receive() -> Message:
        raise AssertionError("nobody reads the body of a stranger")

    headers = [(b"host", b"w"), *((b"authorization", value) for value in shown)]
    await asked({"type": "http", "path": path, "headers": headers}, receive, send)
    (only,) = statuses
    return int(only)


@pytest.mark.parametrize(
    ("path", "shown", "wanted"),
    [
        ("/invocations", (b"Bearer right",), 200),
        ("/invocations", (), 401),
        ("/invocations", (b"Bearer wrong",), 401),
        ("/invocations", (b"right",), 401),
        ("/invocations", (b"Bearer right", b"Bearer right"), 401),
        ("/invocations", ("Bearer \xfc".encode("latin-1"),), 401),
        ("/health", (), 200),
        ("/ping", (), 200),
        ("/health/../invocations", (), 401),
    ],
)
async def test_who_may_call(path: str, shown: tuple[bytes, ...], wanted: int) -> None:
    assert await status(guarded(app, "right"), path, *shown) == wanted


def test_without_a_token_nothing_stands_in_between() -> None:
    assert guarded(app, None) is app


def test_a_token_is_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BEARER_VARIABLE, "right")
    assert take_bearer() == "right"
    assert take_bearer() is None
    assert BEARER_VARIABLE not in os.environ
