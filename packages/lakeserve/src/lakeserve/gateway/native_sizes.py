"""How much was asked and answered in the words of those who invented them. Pure.

Sources: the API references of OpenAI ("The response object", "Streaming events"), of Anthropic
("Create a Message", "Streaming Messages") and of Google ("GenerateContentResponse").
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from lakeserve.gateway.observation import Measured, estimated_tokens
from lakeserve.providers.base import Operation
from lakeserve.providers.json_values import count, mapping, objects, string

_ASKED = ("instructions", "system", "input", "messages", "contents", "systemInstruction")
_DEEPEST = 8


def asked_characters(body: Mapping[str, Any]) -> int:
    """Characters of the text in a request."""
    return sum(_characters(body.get(name)) for name in _ASKED)


def _characters(value: Any, depth: int = 0) -> int:
    """Of a text, or of the texts in messages, parts and lists of them."""
    if isinstance(value, str):
        return len(value)
    if depth > _DEEPEST:
        return 0
    if isinstance(value, list):
        return sum(_characters(item, depth + 1) for item in value)
    if not isinstance(value, dict):
        return 0
    names = ("text", "content", "parts", "output")
    return sum(_characters(value.get(name), depth + 1) for name in names)


def native_size(operation: Operation, data: bytes, asked: int) -> Measured:
    """The size of a whole answer or of the events of one.

    Args:
        operation: In whose words it is.
        data: The answer, or its events.
        asked: Characters of the request, for those who count no tokens.
    """
    given, taken, characters = 0, 0, 0
    for value in _values(data):
        read = _READERS[operation](value)
        given, taken = max(given, read[0]), max(taken, read[1])
        characters = max(characters, read[2]) if operation == "responses" else characters + read[2]
    return Measured(
        given or estimated_tokens(asked), taken or estimated_tokens(characters), characters
    )


def _values(data: bytes) -> Iterator[dict[str, Any]]:
    texts = (
        [data]
        if data[:1] == b"{"
        else [line[5:] for line in data.split(b"\n") if line.startswith(b"data:")]
    )
    for text in texts:
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:  # the end mark, or half an answer
            continue
        if isinstance(value, dict):
            yield value


def _response(value: Mapping[str, Any]) -> tuple[int, int, int]:
    """The last event of a stream has the whole response; those before it have none of it."""
    response = mapping(value.get("response")) or value
    used = mapping(response.get("usage"))
    parts = [p for item in objects(response.get("output")) for p in objects(item.get("content"))]
    characters = sum(len(string(part.get("text"))) for part in parts)
    return count(used.get("input_tokens")), count(used.get("output_tokens")), characters


def _message(value: Mapping[str, Any]) -> tuple[int, int, int]:
    used = mapping(value.get("usage")) or mapping(mapping(value.get("message")).get("usage"))
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    given = sum(count(used.get(name)) for name in names)
    texts = [*objects(value.get("content")), mapping(value.get("delta"))]
    characters = sum(len(string(part.get("text"))) for part in texts)
    return given, count(used.get("output_tokens")), characters


def _generated(value: Mapping[str, Any]) -> tuple[int, int, int]:
    used = mapping(value.get("usageMetadata"))
    taken = count(used.get("candidatesTokenCount")) + count(used.get("thoughtsTokenCount"))
    found = [
        part
        for candidate in objects(value.get("candidates"))
        for part in objects(mapping(candidate.get("content")).get("parts"))
    ]
    characters = sum(len(string(part.get("text"))) for part in found)
    return count(used.get("promptTokenCount")), taken, characters


_READERS = {"responses": _response, "messages": _message, "generate": _generated}
INVENTED = frozenset(_READERS)
