"""Translating a stream whose events are JSON objects, however its bytes were split."""

from collections.abc import Iterator
from typing import Any, Protocol

import orjson

from lakeserve.core.errors import BadUpstream, WireError


class EventReader(Protocol):
    """Knows the events of one vendor.

    Attributes:
        done: Whether the vendor has said that its stream is whole.
    """

    done: bool

    def read(self, event: dict[str, Any]) -> bytes:
        """The events that callers get for one of the vendor's.

        Raises:
            WireError: It is an error, and the stream ends here.
        """
        ...


class EventValues:
    """An ``EventTranslator`` around a reader."""

    def __init__(self, provider: str, reader: EventReader) -> None:
        self._provider = provider
        self._reader = reader
        self._failure: WireError | None = None

    @property
    def done(self) -> bool:
        """See ``EventTranslator.done``."""
        return self._reader.done

    @property
    def failure(self) -> WireError | None:
        """See ``EventTranslator.failure``."""
        return self._failure

    def feed(self, events: bytes) -> bytes:
        """See ``EventTranslator.feed``."""
        translated = []
        try:
            for data in _data(events):
                if self.done or self.failure is not None:
                    break
                translated.append(self._reader.read(self._value(data)))
        except WireError as error:
            self._failure = error
        except orjson.JSONEncodeError:  # what is passed on is nested deeper than the encoder goes
            self._failure = BadUpstream(
                f"Provider {self._provider!r} sent an event nested too deep."
            )
        return b"".join(translated)

    def _value(self, data: bytes) -> dict[str, Any]:
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError:
            value = None
        if not isinstance(value, dict):
            raise BadUpstream(f"Provider {self._provider!r} sent an event that is no JSON object.")
        return value


def _data(events: bytes) -> Iterator[bytes]:
    """The data of each event; marks of the end are not for the reader."""
    for event in events.split(b"\n\n"):
        lines = [line[5:] for line in event.split(b"\n") if line.startswith(b"data:")]
        data = b"\n".join(lines).strip()
        if data and data != b"[DONE]":
            yield data
