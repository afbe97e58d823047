"""From a caller's chat request to Bedrock's Converse. Pure.

Source: Amazon Bedrock's API reference, "Converse", "InferenceConfiguration", "ToolConfiguration"
and "OutputConfig"; its user guide, "Inference request parameters", for the models' own.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from lakeserve.core.errors import BadRequest
from lakeserve.providers import chat_request as chat
from lakeserve.providers.anthropic_request import JSON_ONLY, closed
from lakeserve.providers.bedrock_parts import (
    PROVIDER,
    blocks,
    cache_point,
    call_blocks,
    result_block,
)
from lakeserve.providers.json_values import mapping

# Parameters of OpenAI's chat that Converse has no counterpart of.
REFUSED = (
    *chat.OPENAI_ONLY,
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "service_tier",
    "user",
)

# Fields of Converse itself, which callers may use as they are.
OWN = (
    "additionalModelRequestFields",
    "additionalModelResponseFieldPaths",
    "guardrailConfig",
    "performanceConfig",
    "promptVariables",
    "requestMetadata",
    "serviceTier",
)

SAMPLING: Mapping[str, str] = {"temperature": "temperature", "top_p": "topP"}

TRANSLATED = frozenset(
    {
        *OWN,
        *REFUSED,
        *SAMPLING,
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "metadata",
        "model",
        "n",
        "outputConfig",
        "parallel_tool_calls",
        "reasoning_effort",
        "response_format",
        "stop",
        "stream",
        "stream_options",
        "tool_choice",
        "tools",
        "top_k",
    }
)

EFFORTS = ("low", "medium", "high", "xhigh", "max")

# Where the models of a vendor take the size of the choice among likely tokens.
_TOP_K: Mapping[str, tuple[str, ...]] = {
    "anthropic": ("top_k",),
    "cohere": ("k",),
    "amazon": ("inferenceConfig", "topK"),
}


def converse_request(vendor: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The request of Converse for what a caller asks.

    Fields unknown to OpenAI and to Converse are the model's own and go to
    ``additionalModelRequestFields``.

    Args:
        vendor: Whose model it is, such as ``anthropic``.
        body: The caller's.

    Raises:
        BadRequest: A field is wrong, or has no counterpart.
    """
    chat.refuse(body, REFUSED, PROVIDER)
    chat.one_answer(body, PROVIDER)
    if body.get("parallel_tool_calls") is False:
        raise BadRequest(
            f"Parameter 'parallel_tool_calls' cannot be false: provider {PROVIDER!r} may always"
            " call several tools."
        )
    kind, schema = chat.answer_schema(body)
    system, conversation = _conversation(body)
    if kind == "json_object":
        system.append({"text": JSON_ONLY})
    request: dict[str, Any] = {name: body[name] for name in OWN if body.get(name) is not None}
    request["messages"] = conversation
    parts: dict[str, Any] = {
        "system": system,
        "inferenceConfig": _inference(body),
        "additionalModelRequestFields": _additional(vendor, body),
        "requestMetadata": body.get("requestMetadata") or body.get("metadata"),
        "outputConfig": _output(body, kind, schema),
        "toolConfig": _tools(body, conversation),
    }
    return request | {name: value for name, value in parts.items() if value}


def _inference(body: Mapping[str, Any]) -> dict[str, Any]:
    config = {theirs: body[name] for name, theirs in SAMPLING.items() if body.get(name) is not None}
    limit = chat.token_limit(body)
    if limit is not None:
        config["maxTokens"] = limit
    if stop := chat.stops(body):
        config["stopSequences"] = stop
    return config


def _additional(vendor: str, body: Mapping[str, Any]) -> dict[str, Any]:
    fields = {
        **mapping(body.get("additionalModelRequestFields")),
        **{n: value for n, value in body.items() if value is not None and n not in TRANSLATED},
    }
    if body.get("top_k") is None:
        return fields
    if vendor not in _TOP_K:
        raise BadRequest(
            f"Parameter 'top_k' is not supported by provider {PROVIDER!r} with models of {vendor}."
        )
    *outer, name = _TOP_K[vendor]
    if not outer:
        return {**fields, name: body["top_k"]}
    (group,) = outer
    return {**fields, group: {**mapping(fields.get(group)), name: body["top_k"]}}


def _output(body: Mapping[str, Any], kind: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    output = dict(mapping(body.get("outputConfig")))
    effort = body.get("reasoning_effort")
    if effort is not None:
        if effort not in EFFORTS:
            raise BadRequest(
                f"Field 'reasoning_effort' must be one of {', '.join(EFFORTS)} for provider"
                f" {PROVIDER!r}."
            )
        output["effort"] = effort
    if kind == "json_schema":
        text = orjson.dumps(closed(schema)).decode()
        form: dict[str, Any] = {"schema": text}
        name = mapping(mapping(body["response_format"]).get("json_schema")).get("name")
        if isinstance(name, str) and name:
            form["name"] = name
        output["textFormat"] = {"type": "json_schema", "structure": {"jsonSchema": form}}
    return output


def _conversation(body: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The system's blocks and the turns, which alternate: neighbours of one side are one turn."""
    system: list[dict[str, Any]] = []
    turns: list[dict[str, Any]] = []
    for message in chat.messages(body):
        if message.role in {"system", "developer"}:
            system += blocks(message)
            continue
        role = "assistant" if message.role == "assistant" else "user"
        content = _content(message)
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += content
        else:
            turns.append({"role": role, "content": content})
    return system, turns


def _content(message: chat.Message) -> list[dict[str, Any]]:
    if message.role == "tool":
        return [result_block(message)]
    if message.role == "user":
        return blocks(message)
    return [*blocks(message), *call_blocks(message)]


def _tools(body: Mapping[str, Any], turns: list[dict[str, Any]]) -> dict[str, Any]:
    functions, others = chat.functions(body)
    if not functions and not others:
        return {}
    choice = body.get("tool_choice")
    if choice == "none":
        return _no_tools(turns)
    tools = [each for function in functions for each in _tool(function)]
    config: dict[str, Any] = {"tools": [*tools, *others]}
    if choice is not None:
        config["toolChoice"] = _choice(choice)
    return config


def _no_tools(turns: list[dict[str, Any]]) -> dict[str, Any]:
    """Nothing: Converse has no word for it, but tools that are not named are not called."""
    if any("toolUse" in block for turn in turns for block in turn["content"]):
        raise BadRequest(
            f"Field 'tool_choice' cannot be none after calls of tools: provider {PROVIDER!r} wants"
            " the tools of earlier calls to be named, and may call them then."
        )
    return {}


def _tool(function: chat.Function) -> list[dict[str, Any]]:
    value = function.value
    spec = {
        "name": function.name,
        "description": value.get("description") or None,
        "inputSchema": {"json": value.get("parameters") or {"type": "object", "properties": {}}},
        "strict": value.get("strict") or None,
    }
    tool = {"toolSpec": {name: field for name, field in spec.items() if field is not None}}
    marker = function.tool.get("cache_control")
    return [tool] if marker is None else [tool, cache_point(mapping(marker))]


def _choice(choice: object) -> dict[str, Any]:
    if choice == "auto":
        return {"auto": {}}
    if choice == "required":
        return {"any": {}}
    return {"tool": {"name": chat.chosen_function(choice)}}
