"""How much was asked and answered, read off the bytes that pass. Pure."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from lakeserve.providers.base import Operation

# Longer streams are passed on whole, but their text is only counted up to here.
MAX_KEPT_BYTES = 2 * 1024 * 1024

_USAGE = b'"usage"'
# Where a usage object is looked for first; a reply of embeddings is long, and its end is near.
_NEAR = 1024
_MAX_USAGES = 4
_STRING = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
# As the usual encoders write them, with and without a space.
_MARKS = tuple(
    b'"%b":%b"' % (name, space)
    for name in (b"content", b"text", b"arguments")
    for space in (b"", b" ")
)
PARSED_BYTES = 16_384


class Usage(NamedTuple):
    """Tokens as an upstream reports them."""

    input_tokens: int
    output_tokens: int


class Measured(NamedTuple):
    """The size of an answer."""

    input_tokens: int
    output_tokens: int
    output_characters: int


NOTHING = Measured(0, 0, 0)
NO_REPLY: Mapping[str, Any] = {}


def estimated_tokens(characters: int) -> int:
    """Tokens of a text whose tokens nobody has counted."""
    return (characters + 1) // 4


def input_characters(operation: Operation, body: Mapping[str, Any]) -> int:
    """Characters of the text in a request."""
    if operation == "chat":
        messages = body.get("messages")
        return _message_characters(messages) if isinstance(messages, list) else 0
    return _text_characters(body.get("prompt" if operation == "completions" else "input"))


def _message_characters(messages: list[Any]) -> int:
    total = 0
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, str):
            total += len(content)
        elif isinstance(content, list):
            texts = (part.get("text") for part in content if isinstance(part, dict))
            total += sum(len(text) for text in texts if isinstance(text, str))
    return total


def _text_characters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(len(text) for text in value if isinstance(text, str))
    return 0


def asked_tokens(characters: int, body: Mapping[str, Any]) -> int:
    """An estimate of what a call will use: its prompt, and the answer it allows for."""
    allowed = body.get("max_tokens")
    if allowed is None:
        allowed = body.get("max_completion_tokens")
    prompt = estimated_tokens(characters)
    return prompt + allowed if isinstance(allowed, int) and allowed > 0 else prompt


def reported_usage(data: bytes) -> Usage | None:
    """The ``usage`` at the top level of a JSON object, or None.

    The object is not parsed: what follows its last key ``usage`` is, which is only valid when that
    key is one of the object itself.
    """
    start = data.rfind(_USAGE, -_NEAR)
    if start < 0:
        start = data.rfind(_USAGE)
    for _ in range(_MAX_USAGES):
        if start < 0:
            break
        try:
            return _usage(orjson.loads(b"{" + data[start:])["usage"])
        except orjson.JSONDecodeError:
            start = data.rfind(_USAGE, 0, start)
    return None


def _usage(value: Any) -> Usage | None:
    if not isinstance(value, dict):
        return None
    total = value.get("total_tokens")
    asked = value.get("prompt_tokens", value.get("input_tokens"))
    given = value.get("completion_tokens", value.get("output_tokens"))
    if not isinstance(asked, int):
        return None
    if not isinstance(given, int):
        given = total - asked if isinstance(total, int) else 0
    return Usage(max(asked, 0), max(given, 0))


def measure_reply(operation: Operation | None, body: bytes, asked_characters: int) -> Measured:
    """The size of a whole reply. Embeddings are no text."""
    characters = 0
    if len(body) > PARSED_BYTES:  # up to here parsing costs less than searching
        usage = reported_usage(body)
        if operation != "embeddings":
            characters = text_characters(body)
    else:
        try:
            reply = orjson.loads(body)
        except orjson.JSONDecodeError:
            reply = None
        if not isinstance(reply, dict):
            reply = NO_REPLY
        elif operation != "embeddings":
            choices = reply.get("choices")
            plain = _choice_characters(choices) if isinstance(choices, list) else None
            characters = text_characters(body) if plain is None else plain
        usage = _usage(reply.get("usage"))
    if usage is not None:
        return Measured(*usage, characters)
    return _measured(None, asked_characters, characters)


def _choice_characters(choices: list[Any]) -> int | None:
    """Characters of answers that are plain text; None when they need a closer look."""
    total = 0
    for choice in choices:
        message = choice.get("message", choice) if isinstance(choice, dict) else None
        if not isinstance(message, dict) or message.get("tool_calls"):
            return None
        text = message.get("content", message.get("text"))
        if not isinstance(text, str):
            return None
        total += len(text)
    return total


def _measured(usage: Usage | None, asked_characters: int, characters: int) -> Measured:
    if usage is None:
        usage = Usage(estimated_tokens(asked_characters), estimated_tokens(characters))
    return Measured(*usage, characters)


def text_characters(data: bytes) -> int:
    """Characters of the generated text in replies or events."""
    return sum(_characters_after(data, mark) for mark in _MARKS if mark in data)


def _characters_after(data: bytes, mark: bytes) -> int:
    """Characters of the strings that begin after each mark."""
    total = 0
    for piece in data.split(mark)[1:]:
        text = piece[: piece.find(b'"')]
        if b"\\" in text:
            total += _escaped_characters(piece)
        elif text.isascii():
            total += len(text)
        else:
            total += len(text.decode("utf-8", "replace"))
    return total


def _escaped_characters(piece: bytes) -> int:
    """Characters of a string with escapes, whose opening quote precedes ``piece``."""
    found = _STRING.match(piece)
    if found is None:
        return len(piece)
    try:
        return len(orjson.loads(b'"' + found[0]))
    except orjson.JSONDecodeError:  # half a surrogate pair
        return len(found[0])


class StreamObservation:
    """Keeps what has passed of a stream, and measures it at its end."""

    __slots__ = ("_bytes", "_last", "_parts")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._bytes = 0
        self._last = b""

    def passed(self, events: bytes) -> None:
        """Whole events went to the caller."""
        self._bytes += len(events)
        if self._bytes <= MAX_KEPT_BYTES:
            self._parts.append(events)
        else:
            self._last = (self._last + events)[-_NEAR * 16 :]

    @property
    def events(self) -> bytes:
        """What was kept."""
        return b"".join(self._parts)

    @property
    def ending(self) -> bytes:
        """The last of what was not kept, on a line of its own; empty where all was kept."""
        return b"\n" + self._last if self._last else b""

    @property
    def is_whole(self) -> bool:
        """Whether everything that passed was kept."""
        return self._bytes <= MAX_KEPT_BYTES

    def measure(self, asked_characters: int) -> Measured:
        """The size of what has passed."""
        if not self._bytes:
            return NOTHING
        kept = self.events
        return _measured(
            _last_usage(kept + self._last), asked_characters, text_characters(kept + self._last)
        )


def _last_usage(events: bytes) -> Usage | None:
    """The usage that the last event to report one has."""
    end = len(events)
    while (start := events.rfind(_USAGE, 0, end)) >= 0:
        line = events.rfind(b"\n", 0, start) + 1
        over = events.find(b"\n", start)
        usage = reported_usage(events[line : over if over >= 0 else len(events)])
        if usage is not None:
            return usage
        end = line
    return None
