"""Lets only those call a worker who know its token, where it listens for more than its platform."""

import hmac
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

# Not among the platform's own variables, which workers of models do not inherit.
BEARER_VARIABLE = "LAKE_WORKER_BEARER"

# These tell nothing but how busy the worker is.
_OPEN = frozenset({"/health", "/ping"})
_REFUSAL = b'{"error":{"message":"This worker is called by its platform only.","code":"no_token"}}'

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


def take_bearer() -> str | None:
    """The token that this process was started with; what runs in it later does not see it."""
    # Workers run where the platform's settings cannot be imported.
    return os.environ.pop(BEARER_VARIABLE, None)  # noqa: TID251


def guarded(app: App, token: str | None) -> App:
    """An ASGI application that answers those with the token; without one, the application."""
    if token is None:
        return app
    wanted = f"Bearer {token}".encode("latin-1")

    async def guard(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in _OPEN:
            shown = [value for name, value in scope["headers"] if name == b"authorization"]
            if len(shown) != 1 or not hmac.compare_digest(shown[0], wanted):
                await _refuse(send)
                return
        await app(scope, receive, send)

    return guard


async def _refuse(send: Send) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(_REFUSAL)),
        (b"www-authenticate", b"Bearer"),
        (b"connection", b"close"),  # the body was not read
    ]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": _REFUSAL})
