"""Refuses bodies that no call of the API needs, before they are held in memory."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lakeserve.control.errors import error_response
from lakeserve.core.errors import PayloadTooLarge


class BodySize:
    """Answers 413 where a body is longer than a limit.

    Args:
        app: The control plane.
        limit: In bytes.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        error = PayloadTooLarge(f"The request body is longer than {self._limit} bytes.")
        if _declared(scope) > self._limit:
            await _read_away(await receive(), receive)
            await error_response(error)(scope, receive, send)
            return
        seen = 0

        async def counting() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._limit:
                await _read_away(message, receive)
                # The framework takes it for a body that cannot be read, and says so.
                raise error
            return message

        async def answering(message: Message) -> None:
            if seen <= self._limit:
                await send(message)
            elif message["type"] == "http.response.start":
                await error_response(error)(scope, receive, send)

        await self._app(scope, counting, answering)


async def _read_away(message: Message, receive: Receive) -> None:
    """Clients see an answer only once they have sent everything."""
    while message.get("more_body"):
        message = await receive()


def _declared(scope: Scope) -> int:
    value = dict(scope["headers"]).get(b"content-length", b"")
    return int(value) if value.isdigit() else 0
