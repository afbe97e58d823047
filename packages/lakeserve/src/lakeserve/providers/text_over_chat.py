"""Completions by a model that only chats: a chat of one message, whose text comes back. Pure.

The forms are OpenAI's (their API reference, "Create completion").
"""

from collections.abc import Mapping
from typing import Any

from lakeserve.providers import chat_reply
from lakeserve.providers.json_values import json_text, mapping, objects, reply_object, string
from lakeserve.providers.text_request import refuse, single_prompt

REFUSED = ("best_of", "echo", "logprobs", "suffix")


def chat_body(body: Mapping[str, Any], provider: str) -> dict[str, Any]:
    """The chat that stands for a completion.

    Raises:
        BadRequest: There are several prompts, or a field that a chat has no counterpart of.
    """
    refuse(body, REFUSED, provider)
    message = {"role": "user", "content": single_prompt(body)}
    rest = {name: value for name, value in body.items() if name not in REFUSED and name != "prompt"}
    return {**rest, "messages": [message]}


def text_reply(reply: bytes, provider: str) -> bytes:
    """A completion from a chat's whole answer; what was thought is left out.

    Raises:
        BadUpstream: It is no JSON object.
    """
    value = reply_object(reply, provider)
    choices = [
        {
            "index": choice.get("index"),
            "text": _text(mapping(choice.get("message")).get("content")),
            "finish_reason": choice.get("finish_reason"),
            "logprobs": None,
        }
        for choice in objects(value.get("choices"))
    ]
    answer = {**value, "object": "text_completion", "choices": choices}
    return json_text(answer, provider).encode()


class TextReader:
    """Reads the chunks of a chat; a ``ChunkReader``."""

    def __init__(self) -> None:
        self.done = False

    def read(self, event: dict[str, Any]) -> bytes:
        """See ``EventReader.read``."""
        choices = objects(event.get("choices"))
        if not choices:
            self.done = event.get("usage") is not None  # it is the last chunk
            return chat_reply.event({**event, "object": "text_completion"})
        parts = [part for choice in choices if (part := _part(choice))]
        if not parts:
            return b""
        return chat_reply.event({**event, "object": "text_completion", "choices": parts})

    def end(self) -> bytes:
        """See ``ChunkReader.end``."""
        return b""


def _part(choice: Mapping[str, Any]) -> dict[str, Any] | None:
    text = _text(mapping(choice.get("delta")).get("content"))
    finish = choice.get("finish_reason")
    if not text and finish is None:
        return None
    return {"index": choice.get("index"), "text": text, "finish_reason": finish, "logprobs": None}


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    return "".join(
        string(part.get("text")) for part in objects(content) if part.get("type") == "text"
    )
