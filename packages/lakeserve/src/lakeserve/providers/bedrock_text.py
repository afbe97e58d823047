"""Completions by the older models on Bedrock, each in its vendor's schema of InvokeModel. Pure.

Source: Amazon Bedrock's user guide, "Inference request parameters and response fields", the pages
of Amazon Titan Text, Anthropic Claude Text Completions, Cohere Command and AI21 Labs Jurassic-2.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from lakeserve.core.errors import BadRequest
from lakeserve.providers import chat_reply
from lakeserve.providers import chat_request as chat
from lakeserve.providers.anthropic_complete import turns
from lakeserve.providers.base import Asked
from lakeserve.providers.bedrock_parts import PROVIDER
from lakeserve.providers.bedrock_reply import origin_of, stream_error
from lakeserve.providers.json_values import count, mapping, objects, reply_object, string
from lakeserve.providers.text_request import SELDOM_KNOWN, refuse, single_prompt

# Claude's older models refuse a request without a limit.
CLAUDE_MAX_TOKENS = 4096

REFUSED = (*SELDOM_KNOWN, "user")

_FINISHES = {
    "length": "length",
    "max_tokens": "length",
    "content_filtered": "content_filter",
    "error_toxic": "content_filter",
}


class Schema(NamedTuple):
    """The schema of one family of models.

    Attributes:
        marks: What the names of its models hold.
        request: Of a prompt and the parameters by OpenAI's names.
        texts: The texts and reasons of a whole reply or of an event.
        streams: Whether it has streams.
    """

    marks: tuple[str, ...]
    request: Callable[[str, Mapping[str, Any]], dict[str, Any]]
    texts: Callable[[Mapping[str, Any]], list[tuple[str, object]]]
    streams: bool = True


def schema_of(model: str) -> Schema | None:
    """The schema of a model, or None where it chats instead."""
    return next((s for s in SCHEMAS if any(mark in model for mark in s.marks)), None)


def text_request(schema: Schema, body: Mapping[str, Any]) -> dict[str, Any]:
    """The request for what a caller asks.

    Raises:
        BadRequest: A field is wrong, or has no counterpart.
    """
    refuse(body, REFUSED, PROVIDER)
    chat.one_answer(body, PROVIDER)
    if body.get("stream") is True and not schema.streams:
        raise BadRequest(f"Provider {PROVIDER!r} has no streams of this model's completions.")
    asked = {
        "max_tokens": chat.token_limit(body),
        "stop": chat.stops(body) or None,
        "temperature": body.get("temperature"),
        "top_k": body.get("top_k"),
        "top_p": body.get("top_p"),
    }
    return schema.request(single_prompt(body), asked)


def text_completion(schema: Schema, asked: Asked, body: bytes) -> bytes:
    """A caller's answer from a reply.

    Raises:
        BadUpstream: The reply is no JSON object.
    """
    value = reply_object(body, PROVIDER)
    texts = [(text, finish_reason(reason)) for text, reason in schema.texts(value)]
    used = _usage(asked, value, sum(len(text) for text, _ in texts))
    return chat_reply.text_completion_of(origin_of(asked), texts, used)


def finish_reason(given: object) -> str:
    """OpenAI's word for the reason; each vendor writes it in letters of its own size."""
    return _FINISHES.get(string(given).lower(), "stop")


class TextEvents:
    """Reads one stream of InvokeModel; an ``EventReader``."""

    def __init__(self, schema: Schema, asked: Asked) -> None:
        self.done = False
        self._schema = schema
        self._asked = asked
        self._origin = origin_of(asked)
        self._length = 0

    def read(self, event: dict[str, Any]) -> bytes:
        """See ``EventReader.read``. The last part has the counts of the whole call."""
        ((kind, value),) = event.items()
        if kind != "chunk":
            if kind.endswith("Exception"):
                raise stream_error(kind, mapping(value))
            return b""
        out = []
        for text, reason in self._schema.texts(value):
            self._length += len(text)
            finish = None if reason is None else finish_reason(reason)
            if text or finish:
                out.append(chat_reply.text_chunk(self._origin, text, finish))
        if METRICS in value:
            self.done = True
            used = _usage(self._asked, value, self._length)
            out.append(chat_reply.usage_chunk("text_completion", self._origin, used))
        return b"".join(out)


METRICS = "amazon-bedrock-invocationMetrics"


def _usage(asked: Asked, value: Mapping[str, Any], length: int) -> dict[str, Any]:
    """As Bedrock or the model counted, or else estimated."""
    metrics = mapping(value.get(METRICS))
    prompt = metrics.get("inputTokenCount", value.get("inputTextTokenCount"))
    results = objects(value.get("results"))
    generated = metrics.get("outputTokenCount", results[0].get("tokenCount") if results else None)
    if prompt is None:
        prompt = chat_reply.estimated_tokens(len(single_prompt(asked.body)))
    if generated is None:
        generated = chat_reply.estimated_tokens(length)
    return chat_reply.usage_of(count(prompt), count(generated))


def _named(asked: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The given parameters by the vendor's names.

    Raises:
        BadRequest: One has none.
    """
    for name, value in asked.items():
        if value is not None and name not in names:
            raise BadRequest(
                f"Parameter {name!r} is not supported by this model of provider {PROVIDER!r}."
            )
    return {theirs: asked[name] for name, theirs in names.items() if asked[name] is not None}


def _titan(prompt: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    names = {
        "max_tokens": "maxTokenCount",
        "stop": "stopSequences",
        "temperature": "temperature",
        "top_p": "topP",
    }
    config = _named(asked, names)
    return {"inputText": prompt} | ({"textGenerationConfig": config} if config else {})


def _titan_texts(value: Mapping[str, Any]) -> list[tuple[str, object]]:
    found = objects(value.get("results")) or [dict(value)]  # events have no list
    return [(string(one.get("outputText")), one.get("completionReason")) for one in found]


def _claude(prompt: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    names = {
        "max_tokens": "max_tokens_to_sample",
        "stop": "stop_sequences",
        "temperature": "temperature",
        "top_k": "top_k",
        "top_p": "top_p",
    }
    return {
        "anthropic_version": "bedrock-2023-05-31",
        "prompt": turns(prompt),
        "max_tokens_to_sample": CLAUDE_MAX_TOKENS,
        **_named(asked, names),
    }


def _claude_texts(value: Mapping[str, Any]) -> list[tuple[str, object]]:
    return [(string(value.get("completion")), value.get("stop_reason"))]


def _command(prompt: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    names = {
        "max_tokens": "max_tokens",
        "stop": "stop_sequences",
        "temperature": "temperature",
        "top_k": "k",
        "top_p": "p",
    }
    return {"prompt": prompt, **_named(asked, names)}


def _command_texts(value: Mapping[str, Any]) -> list[tuple[str, object]]:
    found = objects(value.get("generations")) or [dict(value)]  # events have no list
    return [(string(one.get("text")), one.get("finish_reason")) for one in found]


def _jurassic(prompt: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    names = {
        "max_tokens": "maxTokens",
        "stop": "stopSequences",
        "temperature": "temperature",
        "top_p": "topP",
    }
    return {"prompt": prompt, **_named(asked, names)}


def _jurassic_texts(value: Mapping[str, Any]) -> list[tuple[str, object]]:
    return [
        (
            string(mapping(one.get("data")).get("text")),
            mapping(one.get("finishReason")).get("reason"),
        )
        for one in objects(value.get("completions"))
    ]


SCHEMAS = (
    Schema(("titan-text", "titan-tg1"), _titan, _titan_texts),
    Schema(("claude-v1", "claude-v2", "claude-instant"), _claude, _claude_texts),
    Schema(("command-text", "command-light-text"), _command, _command_texts),
    Schema(("ai21.j2",), _jurassic, _jurassic_texts, streams=False),
)
