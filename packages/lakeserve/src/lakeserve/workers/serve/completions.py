"""``/v1/completions``: the legacy text protocol."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from lakeserve.workers.serve import sampling
from lakeserve.workers.serve.chat import completion_id
from lakeserve.workers.serve.engine import EngineRequest
from lakeserve.workers.serve.errors import ApiError, invalid
from lakeserve.workers.serve.events import Event, TokenLogprob, Usage
from lakeserve.workers.serve.fields import (
    Body,
    an_object,
    boolean,
    choice,
    integer,
    kind_of,
    refuse_unknown,
)
from lakeserve.workers.serve.model import LoadedModel
from lakeserve.workers.serve.streaming import DONE, event
from lakeserve.workers.serve.usage import total

FIELDS = sampling.FIELDS | {
    "prompt", "suffix", "echo", "best_of", "use_raw_prompt", "error_behavior",
}  # fmt: skip
MAX_LOGPROBS = 5
MAX_PROMPTS = 150


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """A checked completion request.

    Attributes:
        requests: One engine request per prompt and choice, the choices of a prompt together.
        choices_per_prompt: ``n``.
        logprobs: Alternatives per token, or None when no log probabilities are wanted.
        strict_budget: ``max_tokens`` when an answer that cannot be that long is an error.
    """

    requests: tuple[EngineRequest, ...]
    stream: bool
    choices_per_prompt: int
    logprobs: int | None
    strict_budget: int | None


def read_request(body: Body, model: LoadedModel) -> CompletionRequest:
    """Check a request and translate it for the engine.

    Raises:
        ApiError: 400, naming the field at fault.
    """
    refuse_unknown(body, FIELDS, sampling.IGNORED)
    _refuse_unsupported(body)
    if body.get("stream_options") is not None:
        an_object(body["stream_options"], "stream_options")
    prompts = read_prompts(body.get("prompt"))
    n = sampling.choices(body)
    logprobs = integer(body, "logprobs", 0, MAX_LOGPROBS)
    max_tokens = integer(body, "max_tokens", 1)
    behavior = choice(body, "error_behavior", ("error", "truncate"))
    header = model.engine.header
    fields = sampling.sampling(body, header.vocabulary_size, header.temperature)
    if max_tokens is not None:
        fields["max_tokens"] = max_tokens
    if logprobs is not None:
        fields["n_probs"] = max(logprobs, 1)
    raw = boolean(body, "use_raw_prompt") or model.engine.header.chat_template is None
    requests = tuple(
        _engine_request(prompt, sampling.with_seed(fields, index), model, raw=raw)
        for prompt in prompts
        for index in range(n)
    )
    strict = max_tokens if behavior == "error" else None
    return CompletionRequest(requests, boolean(body, "stream"), n, logprobs, strict)


def _refuse_unsupported(body: Body) -> None:
    if boolean(body, "echo"):
        raise invalid("echo", "true is not supported here; leave it out.", "unsupported_parameter")
    if body.get("suffix"):
        raise invalid("suffix", "is not supported here; leave it out.", "unsupported_parameter")
    best_of, n = integer(body, "best_of", 1), sampling.choices(body)
    if best_of is not None and best_of != n:
        raise invalid(
            "best_of",
            f"is {best_of}; only the value of n ({n}) is supported.",
            "unsupported_parameter",
        )


def read_prompts(value: object) -> list[str]:
    """``prompt`` as a list of texts.

    Raises:
        ApiError: 400, it is not a non-empty string or list of them.
    """
    prompts = [value] if isinstance(value, str) else value
    if not isinstance(prompts, list) or not all(isinstance(item, str) for item in prompts):
        seen = "missing" if value is None else kind_of(value)
        raise invalid("prompt", f"must be a string or an array of strings, is {seen}.")
    if not prompts or not all(prompts):
        raise invalid("prompt", "must not be empty.")
    if len(prompts) > MAX_PROMPTS:
        raise invalid("prompt", f"holds {len(prompts)} texts; at most {MAX_PROMPTS} are accepted.")
    return prompts


def _engine_request(
    prompt: str, fields: dict[str, Any], model: LoadedModel, *, raw: bool
) -> EngineRequest:
    """A prompt becomes a user message, unless the caller wants it to stay as it is.

    A raw prompt keeps control tokens: its author writes the model's own format.
    """
    if raw:
        return EngineRequest("text", {**fields, "prompt": prompt})
    message = {"role": "user", "content": model.clean(prompt)}
    return EngineRequest("chat", {**fields, "messages": [message]})


class _TextChoice:
    """One choice of the answer."""

    def __init__(self, index: int, logprobs: int | None) -> None:
        self.index = index
        self.finish = "stop"
        self._logprobs = logprobs
        self._texts: list[str] = []
        self._entries: list[TokenLogprob] = []

    def feed(self, step: Event) -> dict[str, Any] | None:
        """The stream's ``choices`` entry for an event, or None for nothing to say."""
        if not (step.text or step.finish_reason):
            return None
        offset = sum(len(text) for text in self._texts)
        self._texts.append(step.text)
        self._entries += step.logprobs
        self.finish = step.finish_reason or self.finish
        return self._entry(step.text, step.logprobs, offset, step.finish_reason)

    def whole(self) -> dict[str, Any]:
        return self._entry("".join(self._texts), tuple(self._entries), 0, self.finish)

    def _entry(
        self, text: str, entries: tuple[TokenLogprob, ...], offset: int, finish: str | None
    ) -> dict[str, Any]:
        logprobs = None
        if self._logprobs is not None:
            logprobs = legacy_logprobs(entries, self._logprobs, offset)
        return {"index": self.index, "text": text, "logprobs": logprobs, "finish_reason": finish}


def legacy_logprobs(entries: tuple[TokenLogprob, ...], top: int, offset: int) -> dict[str, Any]:
    """Log probabilities in the shape of text completions; offsets count from ``offset``."""
    offsets = []
    for entry in entries:
        offsets.append(offset)
        offset += len(entry.token)
    return {
        "tokens": [entry.token for entry in entries],
        "token_logprobs": [entry.logprob for entry in entries],
        "top_logprobs": [
            {other.token: other.logprob for other in entry.top[:top]} for entry in entries
        ],
        "text_offset": offsets,
    }


def _check_budget(request: CompletionRequest, model: LoadedModel, step: Event) -> None:
    if step.prompt_tokens is None or request.strict_budget is None:
        return
    context = model.engine.context_tokens
    if step.prompt_tokens + request.strict_budget > context:
        raise ApiError(
            400,
            f"The prompt has {step.prompt_tokens} tokens and max_tokens is "
            f"{request.strict_budget}; this model's context holds {context} tokens together. "
            "Ask for less, or send error_behavior 'truncate'.",
            code="context_length_exceeded",
            param="prompt",
        )


async def reply(request: CompletionRequest, model: LoadedModel) -> dict[str, Any]:
    """The whole answer.

    Raises:
        ApiError: The engine refuses the request or fails.
    """
    choices = [_TextChoice(index, request.logprobs) for index in range(len(request.requests))]
    usages: dict[int, Usage] = {}
    async with aclosing(model.generation(request.requests).events()) as events:
        async for index, step in events:
            _check_budget(request, model, step)
            if step.usage is not None:
                usages[index] = step.usage
            choices[index].feed(step)
    return {
        "id": completion_id("cmpl-"),
        "object": "text_completion",
        "created": int(time.time()),
        "model": model.name,
        "choices": [choice.whole() for choice in choices],
        "usage": total(usages, request.choices_per_prompt),
    }


async def stream(request: CompletionRequest, model: LoadedModel) -> AsyncGenerator[bytes, None]:
    """The answer as server-sent events.

    Raises:
        ApiError: The engine refuses the request or fails.
    """
    choices = [_TextChoice(index, request.logprobs) for index in range(len(request.requests))]
    usages: dict[int, Usage] = {}
    frame: dict[str, Any] = {
        "id": completion_id("cmpl-"),
        "object": "text_completion",
        "created": int(time.time()),
        "model": model.name,
    }
    async with aclosing(model.generation(request.requests).events()) as events:
        async for index, step in events:
            _check_budget(request, model, step)
            if step.usage is not None:
                usages[index] = step.usage
            entry = choices[index].feed(step)
            if entry is not None:
                yield event({**frame, "choices": [entry]})
    yield event({**frame, "choices": [], "usage": total(usages, request.choices_per_prompt)})
    yield DONE
