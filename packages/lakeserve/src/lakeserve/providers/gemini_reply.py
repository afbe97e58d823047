"""From Gemini's replies, whole and streamed, to the caller's. Pure.

Source: Vertex AI's reference, "GenerateContentResponse", "Candidate", "FinishReason" and
"UsageMetadata".
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from lakeserve.core.errors import WireError
from lakeserve.providers import chat_reply
from lakeserve.providers.base import Asked, external_error
from lakeserve.providers.gemini_parts import PROVIDER
from lakeserve.providers.json_values import (
    count,
    json_text,
    mapping,
    objects,
    reply_object,
    string,
)

_FINISHES = {
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
}


def finish_reason(given: object, called: bool) -> str:
    """OpenAI's word for the reason; Gemini has none of its own for calls of tools."""
    reason = _FINISHES.get(string(given), "stop")
    return "tool_calls" if called and reason == "stop" else reason


def usage(given: Mapping[str, Any]) -> dict[str, Any]:
    """Usage in OpenAI's words; thoughts are part of what was generated."""
    thoughts = count(given.get("thoughtsTokenCount"))
    more: dict[str, Any] = {}
    if given.get("cachedContentTokenCount") is not None:
        cached = count(given["cachedContentTokenCount"])
        more["prompt_tokens_details"] = {"cached_tokens": cached}
    if given.get("thoughtsTokenCount") is not None:
        more["completion_tokens_details"] = {"reasoning_tokens": thoughts}
    prompt = count(given.get("promptTokenCount")) + count(given.get("toolUsePromptTokenCount"))
    return chat_reply.usage_of(prompt, count(given.get("candidatesTokenCount")) + thoughts, **more)


def call_id(response: str, candidate: int, number: int) -> str:
    """An id for a call, which Gemini gives none: the same for the same call of the same reply."""
    seed = f"{response}/{candidate}/{number}".encode()
    return "call_" + hashlib.sha256(seed).hexdigest()[:24]


def call_of(part: Mapping[str, Any], identity: str) -> dict[str, Any]:
    """A call; its signature goes where Google's own OpenAI-compatible interface puts it."""
    function = mapping(part.get("functionCall"))
    arguments = json_text(mapping(function.get("args")), PROVIDER)
    call = chat_reply.tool_call(identity, string(function.get("name")), arguments)
    signature = string(part.get("thoughtSignature"))
    if signature:
        call["extra_content"] = {"google": {"thought_signature": signature}}
    return call


def parts_of(candidate: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parts of a candidate."""
    return objects(mapping(candidate.get("content")).get("parts"))


def origin_of(asked: Asked, value: Mapping[str, Any]) -> chat_reply.Origin:
    """Where a reply says it is from."""
    model = string(value.get("modelVersion")) or asked.target.upstream_model
    return chat_reply.origin(string(value.get("responseId")), model)


def chat_completion(asked: Asked, body: bytes) -> bytes:
    """A caller's answer; a prompt that was blocked has one empty, filtered choice.

    Raises:
        BadUpstream: The reply is no JSON object.
    """
    value = reply_object(body, PROVIDER)
    source = origin_of(asked, value)
    choices = [
        _choice(source, index, candidate)
        for index, candidate in enumerate(objects(value.get("candidates")))
    ]
    blocked = chat_reply.choice(0, {"content": None}, "content_filter")
    used = usage(mapping(value.get("usageMetadata")))
    return chat_reply.completion_of(source, choices or [blocked], used)


def _choice(source: chat_reply.Origin, index: int, candidate: Mapping[str, Any]) -> dict[str, Any]:
    found = parts_of(candidate)
    thoughts = [
        chat_reply.reasoning(string(part["text"]))
        for part in found
        if part.get("thought") is True and part.get("text")
    ]
    text = "".join(string(part.get("text")) for part in found if part.get("thought") is not True)
    called = [part for part in found if "functionCall" in part]
    message: dict[str, Any] = {"content": chat_reply.content_of(thoughts, text)}
    if called:
        message["tool_calls"] = [
            call_of(part, call_id(source.id, index, number)) for number, part in enumerate(called)
        ]
    reason = finish_reason(candidate.get("finishReason"), bool(called))
    return chat_reply.choice(index, message, reason)


class GenerationReader:
    """Reads one stream; an ``EventReader``. Each event is a reply with what is new."""

    def __init__(self, asked: Asked) -> None:
        self.done = False
        self._asked = asked
        self._origin: chat_reply.Origin | None = None
        self._calls: dict[int, int] = {}  # how many calls, by candidate
        self._open: set[int] = set()
        self._finished: set[int] = set()
        self._wanted = count(asked.body.get("n")) or 1

    def read(self, event: dict[str, Any]) -> bytes:
        """See ``EventReader.read``. The event with the last candidate's end has the usage."""
        if "error" in event:
            raise _error(event)
        if self._origin is None:
            self._origin = origin_of(self._asked, event)
        given = objects(event.get("candidates"))
        out = [self._candidate(self._origin, candidate) for candidate in given]
        blocked = not given and mapping(event.get("promptFeedback")).get("blockReason") is not None
        if blocked:
            out.append(self._begin(self._origin, 0))
            out.append(chat_reply.chunk(self._origin, {}, "content_filter"))
        if blocked or len(self._finished) >= self._wanted:
            self.done = True
            used = usage(mapping(event.get("usageMetadata")))
            out.append(chat_reply.usage_chunk("chat.completion.chunk", self._origin, used))
        return b"".join(out)

    def _candidate(self, source: chat_reply.Origin, candidate: dict[str, Any]) -> bytes:
        index = count(candidate.get("index"))
        out = [b"" if index in self._open else self._begin(source, index)]
        self._open.add(index)
        out += [self._part(source, index, part) for part in parts_of(candidate)]
        reason = candidate.get("finishReason")
        if reason is not None and index not in self._finished:
            self._finished.add(index)
            finish = finish_reason(reason, index in self._calls)
            out.append(chat_reply.chunk(source, {}, finish, index))
        return b"".join(out)

    def _begin(self, source: chat_reply.Origin, index: int) -> bytes:
        return chat_reply.chunk(source, {"role": "assistant", "content": ""}, None, index)

    def _part(self, source: chat_reply.Origin, index: int, part: dict[str, Any]) -> bytes:
        if "functionCall" in part:
            number = self._calls.get(index, 0)
            self._calls[index] = number + 1
            call = {"index": number, **call_of(part, call_id(source.id, index, number))}
            return chat_reply.chunk(source, {"tool_calls": [call]}, None, index)
        text = string(part.get("text"))
        if not text:
            return b""
        content = [chat_reply.reasoning(text)] if part.get("thought") is True else text
        return chat_reply.chunk(source, {"content": content}, None, index)


def _error(event: Mapping[str, Any]) -> WireError:
    status = count(mapping(event.get("error")).get("code"))
    body = json_text(event, PROVIDER).encode()
    return external_error(PROVIDER, status if 400 <= status < 600 else 500, body, {})
