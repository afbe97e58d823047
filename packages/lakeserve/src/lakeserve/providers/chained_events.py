"""Translating a stream of a chat's chunks further, into another form that callers are promised."""

from typing import Protocol

from lakeserve.core.errors import WireError
from lakeserve.providers.base import EventTranslator
from lakeserve.providers.event_values import EventReader, EventValues


class ChunkReader(EventReader, Protocol):
    """Reads the chunks of a chat."""

    def end(self) -> bytes:
        """The events that follow the last chunk."""
        ...


class ChainedEvents:
    """An ``EventTranslator`` for chunks.

    Args:
        provider: For messages.
        chunks: Makes the chunks of the upstream's events, or None where they are chunks already.
        reader: Reads the chunks.
    """

    def __init__(self, provider: str, chunks: EventTranslator | None, reader: ChunkReader) -> None:
        self._chunks = chunks
        self._values = EventValues(provider, reader)
        self._reader = reader
        self._done = False

    @property
    def done(self) -> bool:
        """See ``EventTranslator.done``."""
        return self._done

    @property
    def failure(self) -> WireError | None:
        """See ``EventTranslator.failure``."""
        own = self._values.failure
        return own if own is not None or self._chunks is None else self._chunks.failure

    def feed(self, events: bytes) -> bytes:
        """See ``EventTranslator.feed``."""
        if self._done:
            return b""
        if self._chunks is not None:
            events = self._chunks.feed(events)
        translated = self._values.feed(events)
        if self.failure is None and (self._reader.done or self._ends(events)):
            self._done = True
            translated += self._reader.end()
        return translated

    def _ends(self, events: bytes) -> bool:
        if self._chunks is not None:
            return self._chunks.done
        return events.endswith((b"data: [DONE]\n\n", b"data:[DONE]\n\n"))
