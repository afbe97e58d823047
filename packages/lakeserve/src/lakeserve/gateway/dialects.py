"""Answers in the words of another interface than the chat's, at the edge of the gateway.

All that happens to a call happens to the chat behind it; only what leaves is put in other words.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from lakeserve.core.errors import WireError
from lakeserve.gateway.sse import DONE, error_event
from lakeserve.providers.event_values import EventValues
from lakeserve.providers.responses_reply import PROVIDER, whole_response
from lakeserve.providers.responses_stream import ResponseReader


class ResponsesOverChat:
    """The Responses API for a model that chats.

    Args:
        asked: The request of the Responses API, of which its answer repeats a part.
    """

    def __init__(self, asked: Mapping[str, Any]) -> None:
        self._asked = asked
        self._reader = ResponseReader(asked)
        self._values = EventValues(PROVIDER, self._reader)

    def whole(self, body: bytes) -> bytes:
        """See ``Dialect.whole``."""
        return whole_response(self._asked, body)

    def part(self, events: bytes) -> bytes:
        """See ``Dialect.part``."""
        translated = self._values.feed(events)
        if self._values.failure is not None:
            raise self._values.failure
        return translated

    def end(self, events: bytes) -> bytes:
        """See ``Dialect.end``."""
        return self.part(events) + self._reader.end() + DONE

    def error_event(self, error: WireError) -> bytes:
        """See ``Dialect.error_event``."""
        return error_event(error)


class Messages:
    """Anthropic's own interface, which passes; errors of the gateway are put in its words."""

    def whole(self, body: bytes) -> bytes:
        """See ``Dialect.whole``."""
        return body

    def part(self, events: bytes) -> bytes:
        """See ``Dialect.part``."""
        return events

    def end(self, events: bytes) -> bytes:
        """See ``Dialect.end``."""
        return events

    def error_event(self, error: WireError) -> bytes:
        """See ``Dialect.error_event``; its clients look at the name of the event."""
        told = {"type": error.error_code.lower(), "message": error.message}
        value = {"type": "error", "error": told, **error.body()}
        return b"event: error\ndata: " + orjson.dumps(value) + b"\n\n"
