"""AWS's binary event streams, cut by botocore.

Source: "Amazon Transcribe developer guide", "Event stream encoding", which holds for every service;
the events of Bedrock are in the API reference of each operation.
"""

import base64
from typing import Any

import orjson

from lakeserve.core.errors import BadUpstream
from lakeserve.providers.json_values import mapping, string

PROVIDER = "amazon-bedrock"

MEDIA_TYPE = "application/vnd.amazon.eventstream"


class AwsEvents:
    """A ``Framing``: each message becomes an event with an object of its type and payload.

    The parts of InvokeModel's streams, which are JSON in base64, are taken out of their wrapping.
    """

    done = False
    end = b"data: [DONE]\n\n"

    def __init__(self) -> None:
        # Whoever gets this far has signed a request with the same package.
        from botocore.eventstream import EventStreamBuffer

        self._buffer: Any = EventStreamBuffer()

    def feed(self, data: bytes) -> bytes:
        """See ``Framing.feed``."""
        from botocore.eventstream import ParserError

        self._buffer.add_data(data)
        try:
            return b"".join(_event(message) for message in self._buffer)
        except (ParserError, ValueError, KeyError):  # the latter two where a header is garbage
            raise BadUpstream(
                f"Provider {PROVIDER!r} sent bytes that are no event stream."
            ) from None


def _event(message: Any) -> bytes:
    headers = message.headers
    kind = headers.get(":message-type")
    value = _value(message.payload)
    if kind == "event":
        name = string(headers.get(":event-type"))
        if name == "chunk":
            value = _value(base64.b64decode(string(value.get("bytes"))))
        return _line(name, value)
    if kind == "exception":
        return _line(string(headers.get(":exception-type")), value)
    told = {"message": string(headers.get(":error-message"))}
    return _line("internalServerException", told)


def _line(name: str, value: dict[str, Any]) -> bytes:
    try:
        return b"data: " + orjson.dumps({name: value}) + b"\n\n"
    except orjson.JSONEncodeError:
        raise BadUpstream(f"Provider {PROVIDER!r} sent an event nested too deep.") from None


def _value(payload: bytes) -> dict[str, Any]:
    try:
        return mapping(orjson.loads(payload))
    except orjson.JSONDecodeError:
        raise BadUpstream(f"Provider {PROVIDER!r} sent an event that is no JSON object.") from None
