"""Tools and the choice among them, as chat completions take them; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from langchain_lakeserve._json import JSONObject, JSONValue
from langchain_lakeserve._schemas import plain_schema

Tool: TypeAlias = "Mapping[str, JSONValue] | type | Callable[..., object] | BaseTool"
ToolChoice: TypeAlias = "str | bool | Mapping[str, JSONValue]"

_WORDS = {"auto": "auto", "none": "none", "required": "required", "any": "required"}


def tools_to_wire(tools: Sequence[Tool], strict: bool | None = None) -> list[JSONObject]:
    """Translate tools; dicts that are no functions are an endpoint's own kind and pass."""
    wire = []
    for tool in tools:
        described = dict(convert_to_openai_tool(tool, strict=strict))
        function = described.get("function")
        if isinstance(function, dict) and isinstance(function.get("parameters"), dict):
            described["function"] = {**function, "parameters": plain_schema(function["parameters"])}
        wire.append(described)
    return wire


def choice_to_wire(choice: ToolChoice, tools: Sequence[JSONObject]) -> str | JSONObject | None:
    """Translate a tool choice: a word, a tool's name, a bool, or OpenAI's or Anthropic's dict.

    Raises:
        ValueError: It names no tool of `tools`, or has no known form.
    """
    if isinstance(choice, bool):
        return "required" if choice else None
    if isinstance(choice, str):
        word = _WORDS.get(choice)
        return word if word and choice not in _names(tools) else _named(choice, tools)
    kind = choice.get("type")
    if kind == "function":
        function = choice.get("function")
        name = function.get("name") if isinstance(function, Mapping) else choice.get("name")
        return _named(name, tools)
    if kind == "tool":
        return _named(choice.get("name"), tools)
    if kind in _WORDS:
        return _WORDS[kind]
    raise ValueError(
        f"tool_choice {choice!r} has no known form; use 'auto', 'none', 'required', a tool's "
        "name, or {'type': 'function', 'function': {'name': ...}}"
    )


def _named(name: JSONValue, tools: Sequence[JSONObject]) -> JSONObject:
    names = _names(tools)
    if name not in names:
        raise ValueError(f"tool_choice names {name!r}, but the tools are {names}")
    return {"type": "function", "function": {"name": name}}


def _names(tools: Sequence[JSONObject]) -> list[str]:
    return [tool["function"]["name"] for tool in tools if "function" in tool]
