"""What the engine's stream says, without the engine's quirks. Pure."""

from dataclasses import dataclass
from typing import Any

import orjson

from lakeserve.workers.serve.errors import ApiError, context_exceeded, engine_failure

# JSON has no minus infinity; OpenAI sends this number for "practically impossible".
LEAST_LOGPROB = -9999.0


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one generation."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """One generated token with its likely alternatives, the likeliest first."""

    token: str
    bytes: list[int]
    logprob: float
    top: tuple["TokenLogprob", ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """One step of a generation; most fields of most events are empty.

    Attributes:
        prompt_tokens: Set while the prompt is being read: its length.
        tool_calls: Deltas in OpenAI's shape, ids as the engine made them.
        finish_reason: Set on the last step: ``stop``, ``length`` or ``tool_calls``.
    """

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[dict[str, Any], ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()
    finish_reason: str | None = None
    usage: Usage | None = None
    prompt_tokens: int | None = None


def read_event(data: bytes) -> Event | None:
    """Read one event of the engine, or None for one that says nothing.

    Raises:
        ApiError: The engine reports an error.
    """
    if data == b"[DONE]":
        return None
    chunk = orjson.loads(data)
    if "error" in chunk:
        raise engine_error(chunk["error"])
    progress = chunk.get("prompt_progress")
    if progress is not None:
        return Event(prompt_tokens=progress["total"])
    usage = _usage(chunk.get("usage"))
    if not chunk["choices"]:
        return Event(usage=usage) if usage else None
    choice = chunk["choices"][0]
    delta = choice.get("delta") or {}
    event = Event(
        text=choice.get("text") or delta.get("content") or "",
        reasoning=delta.get("reasoning_content") or "",
        tool_calls=tuple(delta.get("tool_calls") or ()),
        logprobs=_logprobs(choice.get("logprobs")),
        finish_reason=choice.get("finish_reason"),
        usage=usage,
    )
    return None if event == _NOTHING else event


_NOTHING = Event()


def engine_error(error: dict[str, Any]) -> ApiError:
    """The error that a caller sees for an error object of the engine."""
    if error.get("type") == "exceed_context_size_error":
        return context_exceeded(error["n_prompt_tokens"], error["n_ctx"])
    message = str(error.get("message", "the engine failed"))
    if error.get("code") == 400:
        return ApiError(400, message, code="invalid_request")
    return engine_failure(message)


def _usage(usage: dict[str, Any] | None) -> Usage | None:
    if not usage:
        return None
    details = usage.get("prompt_tokens_details") or {}
    return Usage(
        usage["prompt_tokens"], usage["completion_tokens"], details.get("cached_tokens") or 0
    )


def _logprobs(logprobs: dict[str, Any] | None) -> tuple[TokenLogprob, ...]:
    entries = (logprobs or {}).get("content") or ()
    return tuple(
        _token(entry, tuple(_token(other) for other in entry.get("top_logprobs") or ()))
        for entry in entries
    )


def _token(entry: dict[str, Any], top: tuple[TokenLogprob, ...] = ()) -> TokenLogprob:
    logprob = entry["logprob"]
    return TokenLogprob(
        entry["token"],
        entry["bytes"],
        LEAST_LOGPROB if logprob is None else max(logprob, LEAST_LOGPROB),
        top,
    )
