"""``/v1/chat/completions``: from a request to engine requests, from events to replies."""

import secrets
import string
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from lakeserve.workers.serve import sampling
from lakeserve.workers.serve.chat_choice import ChatChoice, ChoiceRecord
from lakeserve.workers.serve.control_tokens import clean_all
from lakeserve.workers.serve.engine import EngineRequest
from lakeserve.workers.serve.errors import invalid
from lakeserve.workers.serve.events import Usage
from lakeserve.workers.serve.fields import Body, an_object, boolean, integer, refuse_unknown
from lakeserve.workers.serve.messages import read_messages
from lakeserve.workers.serve.model import LoadedModel
from lakeserve.workers.serve.schemas import response_format
from lakeserve.workers.serve.streaming import DONE, event
from lakeserve.workers.serve.tools import ToolUse, forced_call_fields, read_tool_use
from lakeserve.workers.serve.usage import total

FIELDS = sampling.FIELDS | {
    "messages", "max_completion_tokens", "top_logprobs", "tools", "tool_choice",
    "parallel_tool_calls", "response_format",
}  # fmt: skip
IGNORED = sampling.IGNORED | {
    "modalities", "prediction", "reasoning_effort", "thinking", "web_search_options",
}  # fmt: skip
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A checked chat request.

    Attributes:
        requests: One engine request per choice.
        top_logprobs: Alternatives per token, or None when no log probabilities are wanted.
    """

    requests: tuple[EngineRequest, ...]
    stream: bool
    tool_use: ToolUse
    top_logprobs: int | None

    def choices(self) -> list[ChatChoice]:
        """A fresh reader of events per choice."""
        return [
            ChatChoice(index, self.tool_use, self.top_logprobs)
            for index in range(len(self.requests))
        ]


def read_request(body: Body, model: LoadedModel) -> ChatRequest:
    """Check a request and translate it for the engine.

    Raises:
        ApiError: 400, naming the field at fault.
    """
    refuse_unknown(body, FIELDS, IGNORED)
    if body.get("stream_options") is not None:
        an_object(body["stream_options"], "stream_options")
    messages = read_messages(body.get("messages"), images=model.engine.sees_images)
    use = read_tool_use(body)
    top_logprobs = read_top_logprobs(body)
    header = model.engine.header
    fields = sampling.sampling(body, header.vocabulary_size, header.temperature)
    fields["messages"] = clean_all(messages, model.clean)
    max_tokens = integer(body, "max_completion_tokens", 1) or integer(body, "max_tokens", 1)
    if max_tokens is not None:
        fields["max_tokens"] = max_tokens
    if top_logprobs is not None:
        # The engine refuses its own ``logprobs`` beside tools in a stream, but not this.
        fields["n_probs"] = max(top_logprobs, 1)
    form = response_format(body.get("response_format"))
    if use.tools:
        fields["tools"] = clean_all(list(use.tools), model.clean)
        fields["parallel_tool_calls"] = use.parallel
    if use.forced:
        fields |= forced_call_fields(use, model.engine.header.chat_template)
    elif form is not None:
        fields["response_format"] = form
    requests = tuple(
        EngineRequest("chat", sampling.with_seed(fields, index))
        for index in range(sampling.choices(body))
    )
    return ChatRequest(requests, boolean(body, "stream"), use, top_logprobs)


def read_top_logprobs(body: Body) -> int | None:
    """How many alternatives per token are wanted, or None without log probabilities.

    Raises:
        ApiError: 400, out of range, or ``top_logprobs`` without ``logprobs``.
    """
    wanted = boolean(body, "logprobs")
    top = integer(body, "top_logprobs", 0, sampling.MAX_TOP_LOGPROBS)
    if top and not wanted:
        raise invalid("top_logprobs", f"is {top}, which needs logprobs to be true.")
    return (top or 0) if wanted else None


def completion_id(prefix: str) -> str:
    """A fresh reply id, such as ``chatcmpl-`` and 29 letters or digits."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(29))


async def reply(request: ChatRequest, model: LoadedModel) -> dict[str, Any]:
    """The whole answer.

    Raises:
        ApiError: The engine refuses the request or fails.
    """
    choices = request.choices()
    records = [ChoiceRecord(index) for index in range(len(choices))]
    usages: dict[int, Usage] = {}
    async with aclosing(model.generation(request.requests).events()) as events:
        async for index, step in events:
            if step.usage is not None:
                usages[index] = step.usage
            for chunk in choices[index].feed(step):
                records[index].add(chunk)
    return {
        "id": completion_id("chatcmpl-"),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model.name,
        "choices": [record.choice() for record in records],
        "usage": total(usages, len(choices)),
    }


async def stream(request: ChatRequest, model: LoadedModel) -> AsyncGenerator[bytes, None]:
    """The answer as server-sent events; the first comes with the first token.

    Raises:
        ApiError: The engine refuses the request or fails.
    """
    choices = request.choices()
    usages: dict[int, Usage] = {}
    frame: dict[str, Any] = {
        "id": completion_id("chatcmpl-"),
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": model.name,
    }
    async with aclosing(model.generation(request.requests).events()) as events:
        async for index, step in events:
            if step.usage is not None:
                usages[index] = step.usage
            for chunk in choices[index].feed(step):
                yield event({**frame, "choices": [chunk]})
    yield event({**frame, "choices": [], "usage": total(usages, len(choices))})
    yield DONE
