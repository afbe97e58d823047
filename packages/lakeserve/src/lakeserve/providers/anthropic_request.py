"""From a caller's chat request to Anthropic's. Pure.

Source: Anthropic's API reference, "Create a Message", and the guides "Tool use", "Vision",
"PDF support", "Prompt caching", "Extended thinking" and "Structured outputs".
"""

from collections.abc import Mapping
from typing import Any

from lakeserve.core.errors import BadRequest
from lakeserve.providers import chat_request as chat
from lakeserve.providers.anthropic_parts import blocks, plain_or_blocks, system_blocks, tool_id

PROVIDER = "anthropic"

# Anthropic refuses a request without a limit; this one is within that of every current model.
DEFAULT_MAX_TOKENS = 8192

# Parameters of OpenAI's chat that Anthropic has no counterpart of.
REFUSED = (*chat.OPENAI_ONLY, "frequency_penalty", "presence_penalty", "seed")

TRANSLATED = frozenset(
    {
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "model",
        "n",
        "output_config",
        "parallel_tool_calls",
        "reasoning_effort",
        "response_format",
        "stop",
        "stream_options",
        "tool_choice",
        "tools",
        "user",
    }
)

EFFORTS = ("low", "medium", "high", "xhigh", "max")

JSON_ONLY = "Answer with one JSON object and with nothing else: no explanation, no code fence."


def messages_request(model: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Anthropic's request for what a caller asks; fields unknown to OpenAI pass as they are.

    Raises:
        BadRequest: A field is wrong, or has no counterpart.
    """
    chat.refuse(body, REFUSED, PROVIDER)
    chat.one_answer(body, PROVIDER)
    kind, schema = chat.answer_schema(body)
    system, conversation = _conversation(body)
    if kind == "json_object":
        system.append({"type": "text", "text": JSON_ONLY})
    request: dict[str, Any] = {
        name: value
        for name, value in body.items()
        if value is not None and name not in TRANSLATED and name not in REFUSED
    }
    request.update(model=model, max_tokens=_max_tokens(body), messages=conversation)
    if system:
        request["system"] = _system(system)
    if stop := chat.stops(body):
        request["stop_sequences"] = stop
    if body.get("user") is not None:
        request["metadata"] = {**_given(body, "metadata"), "user_id": body["user"]}
    request.update(_tools(body))
    if output := _output(body, kind, schema):
        request["output_config"] = output
    return request


def _given(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if value is not None and not isinstance(value, dict):
        raise BadRequest(f"Field '{name}' must be an object.")
    return value or {}


def _max_tokens(body: Mapping[str, Any]) -> Any:
    limit = chat.token_limit(body)
    if limit is not None:
        return limit
    budget = _given(body, "thinking").get("budget_tokens")
    # The budget counts against the limit and must be below it.
    return DEFAULT_MAX_TOKENS + (budget if isinstance(budget, int) else 0)


def _system(given: list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    if any(set(block) != {"type", "text"} for block in given):
        return given
    return "\n".join(block["text"] for block in given)


def _output(body: Mapping[str, Any], kind: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    output = dict(_given(body, "output_config"))
    effort = body.get("reasoning_effort")
    if effort is not None:
        if effort not in EFFORTS:
            raise BadRequest(
                f"Field 'reasoning_effort' must be one of {', '.join(EFFORTS)} for provider"
                f" {PROVIDER!r}."
            )
        output["effort"] = effort
    if kind == "json_schema":
        output["format"] = {"type": "json_schema", "schema": closed(schema)}
    return output


def closed(schema: Any, depth: int = 0) -> Any:
    """A JSON schema whose objects allow no further properties, which Anthropic demands.

    Raises:
        BadRequest: It is nested deeper than any answer would be.
    """
    if depth > _DEEPEST:
        raise BadRequest("Field 'response_format': the schema is nested too deep.")
    if isinstance(schema, list):
        return [closed(item, depth + 1) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: _closed_value(name, value, depth + 1) for name, value in schema.items()}
    kind = schema.get("type")
    is_object = kind == "object" or (isinstance(kind, list) and "object" in kind)
    return {**inner, "additionalProperties": False} if is_object else inner


# Keywords whose value maps names to schemas, and those whose value is data and no schema.
_NAMED_SCHEMAS = frozenset({"properties", "$defs", "definitions", "patternProperties"})
_DATA = frozenset({"const", "default", "enum", "example", "examples", "required"})

# As deep as a body can be written.
_DEEPEST = 250


def _closed_value(keyword: str, value: Any, depth: int) -> Any:
    """The value of a keyword, closed where it is a schema or holds some."""
    if keyword in _DATA:
        return value
    if keyword in _NAMED_SCHEMAS and isinstance(value, dict):
        return {name: closed(schema, depth) for name, schema in value.items()}
    return closed(value, depth)


def _tools(body: Mapping[str, Any]) -> dict[str, Any]:
    functions, others = chat.functions(body)
    if not functions and not others:
        return {}
    # Tools of other types, such as a vendor's own web search, are the vendor's to judge.
    request: dict[str, Any] = {"tools": [*map(_tool, functions), *others]}
    choice = _tool_choice(body.get("tool_choice"))
    if body.get("parallel_tool_calls") is False and choice != {"type": "none"}:
        choice = {**(choice or {"type": "auto"}), "disable_parallel_tool_use": True}
    if choice:
        request["tool_choice"] = choice
    return request


def _tool(function: chat.Function) -> dict[str, Any]:
    value = function.value
    tool = {
        "name": function.name,
        "description": value.get("description"),
        "input_schema": value.get("parameters") or {"type": "object", "properties": {}},
        "strict": value.get("strict") or None,
        "cache_control": function.tool.get("cache_control"),
    }
    return {name: field for name, field in tool.items() if field is not None}


def _tool_choice(choice: object) -> dict[str, Any]:
    if choice is None:
        return {}
    if isinstance(choice, str) and choice in _CHOICES:
        return {"type": _CHOICES[choice]}
    return {"type": "tool", "name": chat.chosen_function(choice)}


_CHOICES = {"none": "none", "auto": "auto", "required": "any"}


def _conversation(body: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The system's blocks and the messages; results of tools that follow each other are one."""
    system: list[dict[str, Any]] = []
    turns: list[dict[str, Any]] = []
    after_result = False
    for message in chat.messages(body):
        if message.role in {"system", "developer"}:
            system += system_blocks(message)
            continue
        is_result = message.role == "tool"
        if not is_result:
            turns.append(_turn(message))
        elif after_result:
            turns[-1]["content"].append(_result(message))
        else:
            turns.append({"role": "user", "content": [_result(message)]})
        after_result = is_result
    return system, turns


def _turn(message: chat.Message) -> dict[str, Any]:
    calls = chat.tool_calls(message) if message.role == "assistant" else []
    if not calls:
        return {"role": message.role, "content": plain_or_blocks(message)}
    # An empty text beside the calls, as some clients send it, is one that Anthropic refuses.
    said = [block for block in blocks(message) if block.get("text") != ""]
    used = [
        {"type": "tool_use", "id": tool_id(call.id), "name": call.name, "input": call.arguments}
        for call in calls
    ]
    return {"role": "assistant", "content": [*said, *used]}


def _result(message: chat.Message) -> dict[str, Any]:
    result: dict[str, Any] = {
        "type": "tool_result",
        "tool_use_id": tool_id(chat.tool_call_id(message)),
        "content": plain_or_blocks(message),
    }
    for name in ("cache_control", "is_error"):
        if message.value.get(name) is not None:
            result[name] = message.value[name]
    return result
