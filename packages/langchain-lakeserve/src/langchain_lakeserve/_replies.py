"""The JSON of a complete chat reply to LangChain's result; pure."""

from __future__ import annotations

from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult

from langchain_lakeserve._content import PROVIDER, content_from_wire
from langchain_lakeserve._failures import streamed_error
from langchain_lakeserve._json import JSONObject, JSONValue
from langchain_lakeserve._messages import (
    assistant_from_wire,
    extras_from_wire,
    message_from_wire,
    tool_calls_from_wire,
)
from langchain_lakeserve._usage import usage_metadata
from langchain_lakeserve.errors import EmptyReplyError, ReplyError

METADATA_KEYS = ("id", "created", "system_fingerprint", "service_tier", "databricks_output")
"""What of a reply's head is kept in `response_metadata`, where it is present."""


def chat_result(reply: JSONValue) -> ChatResult:
    """Translate the reply of a chat endpoint or of an agent.

    Raises:
        EmptyReplyError: It holds no choice.
        ReplyError: It is no chat reply at all.
        StreamedAPIError: It is an error sent with a status of success.
    """
    if not isinstance(reply, dict):
        raise ReplyError(f"a chat reply is a JSON object, not {type(reply).__name__}")
    error = streamed_error(reply)
    if error is not None:
        raise error
    choices = reply.get("choices")
    if choices is None:
        return _agent_result(reply)
    if not choices:
        raise EmptyReplyError("the endpoint answered without any choice")
    usage = usage_metadata(reply.get("usage"))
    metadata = {**reply_metadata(reply), **documented_counts(usage)}
    outputs = reply.get("custom_outputs")
    generations = []
    for choice in choices:
        message = _message(choice.get("message") or {}, metadata)
        if outputs:
            message.additional_kwargs["custom_outputs"] = outputs
        generations.append(ChatGeneration(message=message, generation_info=choice_info(choice)))
    # Usage counts the whole reply: on one message, or summing over messages counts it twice.
    first = generations[0].message
    if isinstance(first, AIMessage):
        first.usage_metadata = usage
    return ChatResult(generations=generations, llm_output={})


def _message(wire: JSONObject, metadata: JSONObject) -> AIMessage:
    calls, invalid = tool_calls_from_wire(wire.get("tool_calls"))
    return AIMessage(
        content=content_from_wire(wire.get("content")),
        name=wire.get("name"),
        tool_calls=calls,
        invalid_tool_calls=invalid,
        additional_kwargs=extras_from_wire(wire),
        response_metadata=dict(metadata),
    )


def reply_metadata(reply: JSONObject) -> JSONObject:
    """Collect `response_metadata` from the head of a reply or event."""
    metadata: JSONObject = {"model_provider": PROVIDER}
    if model := reply.get("model"):
        metadata["model_name"] = model
    for key in METADATA_KEYS:
        value = reply.get(key)
        if value is not None:
            metadata[key] = value
    return metadata


def documented_counts(usage: UsageMetadata | None) -> JSONObject:
    """Return the token counts that the documentation shows in `response_metadata`."""
    if usage is None:
        return {}
    return {
        "prompt_tokens": usage["input_tokens"],
        "completion_tokens": usage["output_tokens"],
        "total_tokens": usage["total_tokens"],
    }


def choice_info(choice: JSONObject) -> JSONObject:
    """Collect what a choice says about its message."""
    info: JSONObject = {}
    if reason := choice.get("finish_reason"):
        info["finish_reason"] = reason
    logprobs = choice.get("logprobs")
    if logprobs and any(logprobs.values()):
        info["logprobs"] = logprobs
    return info


def _agent_result(reply: JSONObject) -> ChatResult:
    """Translate the reply of an agent: several messages, of which the last is the answer."""
    wires = reply.get("messages")
    if not isinstance(wires, list):
        keys = ", ".join(sorted(map(str, reply))) or "nothing"
        raise ReplyError(f"expected a chat reply with 'choices', the endpoint sent {keys}")
    if not wires:
        raise EmptyReplyError("the agent answered without any message")
    metadata = {**reply_metadata(reply), "finish_reason": reply.get("finish_reason") or "stop"}
    message = assistant_from_wire({**wires[-1], "role": "assistant"})
    message.response_metadata = metadata
    message.id = wires[-1].get("id")
    message.usage_metadata = usage_metadata(reply.get("usage"))
    if len(wires) > 1:
        # What the agent did on the way: its tool calls and their results.
        message.additional_kwargs["agent_messages"] = [
            message_from_wire(wire).model_dump(exclude_none=True) for wire in wires[:-1]
        ]
    if outputs := reply.get("custom_outputs"):
        message.additional_kwargs["custom_outputs"] = outputs
    return ChatResult(generations=[ChatGeneration(message=message)], llm_output={})
