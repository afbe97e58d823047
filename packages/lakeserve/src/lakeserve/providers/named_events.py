"""Streams that callers get as the vendor sends them, the names of events included. Pure."""

import re

from lakeserve.core.errors import BadUpstream

MAX_EVENT_BYTES = 4 * 1024 * 1024

# What ends a stream of Anthropic's messages.
MESSAGES_END = re.compile(rb'"type"\s*:\s*"message_stop"')


class NamedEvents:
    """A ``Framing`` that drops nothing.

    Args:
        last: Is found in the last event; None where the end of the answer is the end of the stream.

    Attributes:
        done: Whether the last event has passed.
    """

    end = b""

    def __init__(self, last: re.Pattern[bytes] | None = None) -> None:
        self.done = False
        self._last = last
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """See ``Framing.feed``."""
        data = (self._rest + data).replace(b"\r\n", b"\n")
        end = data.rfind(b"\n\n") + 2
        if end == 1:
            end = 0
        events, self._rest = data[:end], data[end:]
        if len(self._rest) > MAX_EVENT_BYTES:
            raise BadUpstream(f"An event of the upstream exceeds {MAX_EVENT_BYTES} bytes.")
        if self._last is not None and self._last.search(events):
            self.done = True
        return events
