"""Gives every request an id, which its answer and its log lines carry."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lakeserve.core.ids import request_id
from lakeserve.core.request_context import current_request


class RequestIds:
    """Puts an id around each request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = request_id()
        current_request.set(given)

        async def marking(message: Message) -> None:
            if message["type"] == "http.response.start":
                mark = (b"x-request-id", given.encode())
                message = {**message, "headers": [*message.get("headers", ()), mark]}
            await send(message)

        await self._app(scope, receive, marking)
