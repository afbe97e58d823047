"""LangChain messages to and from the JSON of chat completions; pure.

Nothing that is passed in is changed, and nothing that is returned shares a container with it
that a caller could change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias, cast

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    InvalidToolCall,
    SystemMessage,
    ToolCall,
    ToolMessage,
)

from langchain_lakeserve._content import PROVIDER, content_from_wire, parts_to_wire
from langchain_lakeserve._json import JSONObject, JSONValue, decode_object, encode_text

Replay: TypeAlias = Literal["signed", "all", "none"]
"""Which reasoning of earlier replies goes back to the endpoint."""

DEVELOPER_KEY = "__openai_role__"
"""Where LangChain marks a system message as OpenAI's developer message."""


def messages_to_wire(
    messages: Iterable[BaseMessage], replay: Replay = "signed"
) -> list[JSONObject]:
    """Translate messages for a chat request.

    Raises:
        ValueError: A message has no place in a chat.
    """
    wire: list[JSONObject] = []
    for message in messages:
        wire.extend(_to_wire(message, replay))
    return wire


def _to_wire(message: BaseMessage, replay: Replay) -> list[JSONObject]:
    if isinstance(message, HumanMessage):
        return _human(message)
    if isinstance(message, AIMessage):
        return [_assistant(message, replay)]
    if isinstance(message, ToolMessage):
        return [_tool(message.tool_call_id, message.content)]
    if isinstance(message, SystemMessage):
        role = message.additional_kwargs.get(DEVELOPER_KEY, "system")
        return [_named({"role": role, "content": _content(message.content)}, message.name)]
    if isinstance(message, ChatMessage):
        return [_named({"role": message.role, "content": _content(message.content)}, message.name)]
    if isinstance(message, FunctionMessage):
        raise ValueError("function messages are gone from chat endpoints; send a ToolMessage")
    raise ValueError(f"a chat endpoint has no role for a message of type {message.type!r}")


def _human(message: HumanMessage) -> list[JSONObject]:
    content = message.content
    if isinstance(content, str):
        return [_named({"role": "user", "content": content}, message.name)]
    # Anthropic's form puts tool results into the user's message; here they are messages.
    results = [part for part in content if _type_of(part) == "tool_result"]
    wire = [
        _tool(str(part.get("tool_use_id", "")), part.get("content") or "")
        for part in results
        if isinstance(part, dict)
    ]
    rest = [part for part in content if _type_of(part) != "tool_result"]
    if rest or not wire:
        wire.append(_named({"role": "user", "content": parts_to_wire(rest)}, message.name))
    return wire


def _tool(call_id: str, content: JSONValue) -> JSONObject:
    return {"role": "tool", "tool_call_id": call_id, "content": _content(content)}


def _assistant(message: AIMessage, replay: Replay) -> JSONObject:
    content = message.content
    calls = tool_calls_to_wire(message)
    said: JSONValue = content
    if not isinstance(content, str):
        own = message.response_metadata.get("model_provider") == PROVIDER
        said = parts_to_wire(content, reasoning=replay, own=own)
    if not said and calls:
        said = None
    elif isinstance(said, list) and not said:
        said = ""
    wire: JSONObject = {"role": "assistant", "content": said}
    if calls:
        wire["tool_calls"] = calls
    extra = message.additional_kwargs
    if extra:
        if refusal := extra.get("refusal"):
            wire["refusal"] = refusal
        audio = extra.get("audio")
        if isinstance(audio, dict) and "id" in audio:
            wire["audio"] = {"id": audio["id"]}
    return _named(wire, message.name)


def tool_calls_to_wire(message: AIMessage) -> list[JSONObject]:
    """Translate the tool calls of a message, also those whose arguments could not be read."""
    calls = [
        _call_to_wire(call["id"], call["name"], encode_text(call["args"]))
        for call in message.tool_calls
    ]
    calls += [
        _call_to_wire(bad["id"], bad["name"] or "", bad["args"] or "")
        for bad in message.invalid_tool_calls
    ]
    known = {call["id"] for call in calls}
    if isinstance(message.content, list):  # Anthropic's form, without LangChain's own
        calls += [
            _call_to_wire(part.get("id"), part["name"], encode_text(part.get("input") or {}))
            for part in message.content
            if isinstance(part, dict)
            and part.get("type") == "tool_use"
            and part.get("id") not in known
        ]
    return calls


def _call_to_wire(call_id: str | None, name: str, arguments: str) -> JSONObject:
    return {
        "id": call_id or "",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def _content(content: JSONValue) -> JSONValue:
    return content if isinstance(content, str) else parts_to_wire(content)


def _named(wire: JSONObject, name: str | None) -> JSONObject:
    if name:
        wire["name"] = name
    return wire


def _type_of(part: JSONValue) -> str | None:
    return part.get("type") if isinstance(part, dict) else None


# --- from the wire ------------------------------------------------------------------------


def message_from_wire(wire: JSONObject) -> BaseMessage:
    """Translate a message of a chat request or reply.

    Raises:
        ValueError: Its role is missing.
    """
    role = wire.get("role", "assistant")
    if role == "assistant":
        return assistant_from_wire(wire)
    content = content_from_wire(wire.get("content"))
    name = wire.get("name")
    if role == "user":
        return HumanMessage(content=content, name=name)
    if role == "system":
        return SystemMessage(content=content, name=name)
    if role == "developer":
        return SystemMessage(
            content=content, name=name, additional_kwargs={DEVELOPER_KEY: "developer"}
        )
    if role == "tool":
        return ToolMessage(content=content, tool_call_id=wire.get("tool_call_id") or "")
    return ChatMessage(content=content, role=role, name=name)


def assistant_from_wire(wire: JSONObject) -> AIMessage:
    """Translate the message of a reply."""
    calls, invalid = tool_calls_from_wire(wire.get("tool_calls"))
    return AIMessage(
        content=content_from_wire(wire.get("content")),
        name=wire.get("name"),
        tool_calls=calls,
        invalid_tool_calls=invalid,
        additional_kwargs=extras_from_wire(wire),
    )


def extras_from_wire(wire: JSONObject) -> JSONObject:
    """Collect what a message or delta carries besides content and tool calls."""
    extras: JSONObject = {}
    reasoning = wire.get("reasoning_content") or wire.get("reasoning")
    if isinstance(reasoning, str) and reasoning:
        extras["reasoning_content"] = reasoning  # LangChain's place for it; see content_blocks
    for key in ("refusal", "annotations", "audio", "custom_outputs", "function_call"):
        if value := wire.get(key):
            extras[key] = value
    return extras


def tool_calls_from_wire(
    calls: Sequence[JSONObject] | None,
) -> tuple[list[ToolCall], list[InvalidToolCall]]:
    """Translate tool calls; arguments that are no JSON object make an invalid one."""
    good: list[ToolCall] = []
    bad: list[InvalidToolCall] = []
    for call in calls or ():
        function = cast("JSONObject", call.get("function") or {})
        raw = function.get("arguments")
        args = raw if isinstance(raw, dict) else decode_object(raw) if raw else {}
        name = function.get("name") or ""
        if args is None:
            bad.append(
                InvalidToolCall(
                    type="invalid_tool_call",
                    name=name,
                    args=raw,
                    id=call.get("id"),
                    error=f"the arguments of {name!r} are not a JSON object",
                )
            )
        else:
            good.append(ToolCall(type="tool_call", name=name, args=args, id=call.get("id")))
    return good, bad
