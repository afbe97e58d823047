"""Completions by Anthropic: legacy ones, and messages of one turn. Pure.

Source: Anthropic's API reference, "Create a Text Completion (legacy)", whose models end with
Claude 2.1, and "Migrating from Text Completions".
"""

from collections.abc import Mapping
from typing import Any

from lakeserve.providers import chat_reply
from lakeserve.providers import chat_request as chat
from lakeserve.providers.anthropic_reply import finish_reason, model_of
from lakeserve.providers.anthropic_request import messages_request
from lakeserve.providers.anthropic_stream import stream_error
from lakeserve.providers.base import Asked
from lakeserve.providers.json_values import reply_object, string
from lakeserve.providers.text_request import SELDOM_KNOWN, refuse, single_prompt

PROVIDER = "anthropic"

# The models of this interface write no more at a time.
DEFAULT_MAX_TOKENS = 4096

REFUSED = SELDOM_KNOWN

TRANSLATED = frozenset(
    {
        "max_completion_tokens",
        "max_tokens",
        "model",
        "n",
        "prompt",
        "stop",
        "stream_options",
        "user",
    }
)


# How the names of the models with the legacy interface begin.
_LEGACY = ("claude-1", "claude-2", "claude-v1", "claude-instant")


def is_legacy(model: str) -> bool:
    """Whether a model is asked for completions by the legacy interface."""
    return model.startswith(_LEGACY)


def text_as_messages_request(model: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Anthropic's request for a completion by a model of today: a message of one turn.

    Raises:
        BadRequest: A field is wrong, or has no counterpart.
    """
    refuse(body, REFUSED, PROVIDER)
    message = {"role": "user", "content": single_prompt(body)}
    rest = {name: value for name, value in body.items() if name not in REFUSED and name != "prompt"}
    return messages_request(model, {**rest, "messages": [message]})


def complete_request(model: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Anthropic's request for what a caller asks.

    Raises:
        BadRequest: A field is wrong, or has no counterpart.
    """
    given = {name: value for name, value in body.items() if value is not None}
    refuse(body, REFUSED, PROVIDER)
    chat.one_answer(body, PROVIDER)
    limit = chat.token_limit(body)
    request = {
        name: value
        for name, value in given.items()
        if name not in TRANSLATED and name not in REFUSED
    }
    request["model"] = model
    request["prompt"] = turns(single_prompt(body))
    request["max_tokens_to_sample"] = DEFAULT_MAX_TOKENS if limit is None else limit
    if stop := chat.stops(body):
        request["stop_sequences"] = stop
    if body.get("user") is not None:
        request["metadata"] = {"user_id": body["user"]}
    return request


def turns(prompt: str) -> str:
    """A prompt in the turns that these models want, unless it has them."""
    if prompt.startswith("\n\nHuman:"):
        return prompt
    return f"\n\nHuman: {prompt}\n\nAssistant:"


def legacy_completion(asked: Asked, body: bytes) -> bytes:
    """A caller's answer from a completion; its usage is estimated, for the vendor counts none.

    Raises:
        BadUpstream: The reply is no JSON object.
    """
    value = reply_object(body, PROVIDER)
    text = string(value.get("completion"))
    return chat_reply.text_completion(
        chat_reply.origin(string(value.get("id")), model_of(asked, value)),
        text,
        finish_reason(value.get("stop_reason")),
        _usage(asked, len(text)),
    )


def _usage(asked: Asked, generated: int) -> dict[str, Any]:
    prompt = len(single_prompt(asked.body))
    return chat_reply.usage_of(
        chat_reply.estimated_tokens(prompt), chat_reply.estimated_tokens(generated)
    )


class CompletionReader:
    """Reads one stream of a completion; an ``EventReader``."""

    def __init__(self, asked: Asked) -> None:
        self.done = False
        self._asked = asked
        self._origin = chat_reply.origin("", asked.target.upstream_model)
        self._length = 0

    def read(self, event: dict[str, Any]) -> bytes:
        """See ``EventReader.read``. The last event has a reason to stop."""
        kind = string(event.get("type"))
        if kind == "error":
            raise stream_error(event)
        if kind != "completion":
            return b""
        if not self._origin.id:
            model = model_of(self._asked, event)
            self._origin = chat_reply.origin(string(event.get("id")), model)
        text = string(event.get("completion"))
        self._length += len(text)
        reason = event.get("stop_reason")
        if reason is None:
            return chat_reply.text_chunk(self._origin, text)
        self.done = True
        last = chat_reply.text_chunk(self._origin, text, finish_reason(reason))
        used = _usage(self._asked, self._length)
        return last + chat_reply.usage_chunk("text_completion", self._origin, used)
