"""Writing the answers that callers are promised, for a vendor with a protocol of its own. Pure.

The forms are OpenAI's (their API reference, "The chat completion object" and "chunk object").
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from lakeserve.core.ids import now_ms
from lakeserve.providers.json_values import count


class Origin(NamedTuple):
    """What an answer says about where it is from.

    Attributes:
        created: Epoch seconds.
    """

    id: str
    model: str
    created: int


def origin(identity: str, model: str) -> Origin:
    """An origin whose answer is created now."""
    return Origin(identity, model, now_ms() // 1000)


def completion(
    source: Origin, message: Mapping[str, Any], finish_reason: str, usage: Mapping[str, Any]
) -> bytes:
    """A whole answer of a chat."""
    return completion_of(source, [choice(0, message, finish_reason)], usage)


def completion_of(source: Origin, choices: list[dict[str, Any]], usage: Mapping[str, Any]) -> bytes:
    """A whole answer of a chat with any number of choices."""
    return orjson.dumps(_object("chat.completion", source, choices, usage))


def choice(index: int, message: Mapping[str, Any], finish_reason: str) -> dict[str, Any]:
    """A choice of a chat's whole answer."""
    return {
        "index": index,
        "message": {"role": "assistant", **message},
        "finish_reason": finish_reason,
        "logprobs": None,
    }


def text_completion(
    source: Origin, text: str, finish_reason: str, usage: Mapping[str, Any]
) -> bytes:
    """A whole answer of a completion."""
    return text_completion_of(source, [(text, finish_reason)], usage)


def text_completion_of(
    source: Origin, texts: list[tuple[str, str]], usage: Mapping[str, Any]
) -> bytes:
    """A whole answer of a completion with any number of texts, each with its finish reason."""
    choices = [
        {"index": index, "text": text, "finish_reason": finish_reason, "logprobs": None}
        for index, (text, finish_reason) in enumerate(texts)
    ]
    return orjson.dumps(_object("text_completion", source, choices, usage))


def chunk(
    source: Origin, delta: Mapping[str, Any], finish_reason: str | None = None, index: int = 0
) -> bytes:
    """An event of a chat's stream."""
    part = {"index": index, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
    return event(_object("chat.completion.chunk", source, [part], None))


def text_chunk(source: Origin, text: str, finish_reason: str | None = None) -> bytes:
    """An event of a completion's stream."""
    part = {"index": 0, "text": text, "finish_reason": finish_reason, "logprobs": None}
    return event(_object("text_completion", source, [part], None))


def usage_chunk(kind: str, source: Origin, usage: Mapping[str, Any]) -> bytes:
    """The event that reports a stream's usage."""
    return event(_object(kind, source, [], usage))


def event(value: Mapping[str, Any]) -> bytes:
    """A server-sent event."""
    return b"data: " + orjson.dumps(value) + b"\n\n"


def usage_of(prompt: int, generated: int, **more: Any) -> dict[str, Any]:
    """Usage in tokens."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": generated,
        "total_tokens": prompt + generated,
        **more,
    }


def usage_beside_cache(
    prompt: int, generated: int, *, read: object, written: object
) -> dict[str, Any]:
    """Usage where a vendor counts the prompt without the tokens of its cache.

    Args:
        prompt: Tokens that did not meet the cache.
        generated: Tokens of the answer.
        read: Tokens read from the cache as the vendor reports them, None when it does not.
        written: Tokens written to the cache, likewise.
    """
    more: dict[str, Any] = {}
    if read is not None:
        more["prompt_tokens_details"] = {"cached_tokens": count(read)}
        more["cache_read_input_tokens"] = count(read)
    if written is not None:
        more["cache_creation_input_tokens"] = count(written)
    return usage_of(prompt + count(read) + count(written), generated, **more)


def estimated_tokens(length: int) -> int:
    """Tokens of a text of so many characters, where a vendor does not count them."""
    return (length + 1) // 4


def tool_call(identity: str, name: str, arguments: str) -> dict[str, Any]:
    """A call of a function; ``arguments`` are JSON text."""
    function = {"name": name, "arguments": arguments}
    return {"id": identity, "type": "function", "function": function}


def reasoning(text: str, **more: str) -> dict[str, Any]:
    """A part of content that holds a thought; ``more`` goes beside its text."""
    summary = {"type": "summary_text", "text": text, **more}
    return {"type": "reasoning", "summary": [summary]}


def content_of(thoughts: list[dict[str, Any]], text: str) -> list[dict[str, Any]] | str | None:
    """The content of a message: a list where there are thoughts, null where there is nothing."""
    if thoughts:
        return [*thoughts, {"type": "text", "text": text}] if text else thoughts
    return text or None


def _object(
    kind: str, source: Origin, choices: list[dict[str, Any]], usage: Mapping[str, Any] | None
) -> dict[str, Any]:
    value = {
        "id": source.id,
        "object": kind,
        "created": source.created,
        "model": source.model,
        "choices": choices,
    }
    return value if usage is None else {**value, "usage": usage}
