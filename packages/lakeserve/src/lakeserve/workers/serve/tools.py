"""Tools and ``tool_choice``: checks, forced calls, call ids. Pure.

The engine ignores a named ``tool_choice`` and lets the model ramble under ``required``. A forced
call is therefore asked for as a JSON answer ``{"name": …, "arguments": {…}}`` under a schema, and
turned back into a tool call while it streams.
"""

import json
import re
import secrets
import string
from dataclasses import dataclass
from typing import Any

from lakeserve.workers.serve.errors import invalid
from lakeserve.workers.serve.fields import Body, an_object, choice, kind_of, shown
from lakeserve.workers.serve.schemas import prepared_schema, rebased

MAX_TOOLS = 32
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MODES = ("none", "auto", "required")
_ALPHABET = string.ascii_letters + string.digits
_ANY_OBJECT: dict[str, Any] = {"type": "object", "properties": {}}


@dataclass(frozen=True, slots=True)
class ToolUse:
    """How a request wants its tools used.

    Attributes:
        tools: What the model is told about, in OpenAI's shape.
        forced: Names of the tools one of which must be called; empty for a free choice.
        parallel: Whether several calls may be made at once.
    """

    tools: tuple[dict[str, Any], ...] = ()
    forced: tuple[str, ...] = ()
    parallel: bool = True


def call_id() -> str:
    """A fresh tool call id: ``call_`` and 24 letters or digits."""
    return "call_" + "".join(secrets.choice(_ALPHABET) for _ in range(24))


def read_tool_use(body: Body) -> ToolUse:
    """``tools``, ``tool_choice`` and ``parallel_tool_calls`` of a chat request.

    Raises:
        ApiError: 400.
    """
    tools = _tools(body.get("tools"))
    wanted = body.get("tool_choice")
    parallel = body.get("parallel_tool_calls") is not False
    names = tuple(tool["function"]["name"] for tool in tools)
    if isinstance(wanted, dict):
        return ToolUse(tools, (_named(wanted, names),), parallel)
    mode = choice(body, "tool_choice", _MODES)
    if mode == "none":
        return ToolUse()
    if mode == "required":
        if not tools:
            raise invalid("tool_choice", "'required' needs at least one entry in tools.")
        return ToolUse(tools, names, parallel)
    return ToolUse(tools, (), parallel)


def _named(wanted: dict[str, Any], names: tuple[str, ...]) -> str:
    if wanted.get("type") != "function":
        raise invalid("tool_choice.type", f"must be 'function', not {shown(wanted.get('type'))}.")
    function = an_object(wanted.get("function"), "tool_choice.function")
    name = function.get("name")
    if name not in names:
        listed = ", ".join(names) or "none, tools is empty"
        raise invalid(
            "tool_choice.function.name", f"must be one of the tools ({listed}), not {shown(name)}."
        )
    return str(name)


def _tools(value: object) -> tuple[dict[str, Any], ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise invalid("tools", f"must be an array, not {kind_of(value)}.", "invalid_type")
    if len(value) > MAX_TOOLS:
        raise invalid("tools", f"holds {len(value)} tools; at most {MAX_TOOLS} are accepted.")
    tools = tuple(_tool(item, f"tools[{at}]") for at, item in enumerate(value))
    names = [tool["function"]["name"] for tool in tools]
    for name in names:
        if names.count(name) > 1:
            raise invalid("tools", f"the name {name!r} occurs more than once.")
    return tools


def _tool(value: object, place: str) -> dict[str, Any]:
    tool = an_object(value, place)
    if tool.get("type") != "function":
        raise invalid(f"{place}.type", f"must be 'function', not {shown(tool.get('type'))}.")
    function = an_object(tool.get("function"), f"{place}.function")
    name = function.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise invalid(
            f"{place}.function.name",
            f"must be 1 to 64 letters, digits, '_', '.' or '-', not {shown(name)}.",
        )
    description = function.get("description")
    if description is not None and not isinstance(description, str):
        raise invalid(
            f"{place}.function.description",
            f"must be a string, not {kind_of(description)}.",
            "invalid_type",
        )
    parameters = function.get("parameters")
    schema = _ANY_OBJECT
    if parameters is not None:
        where = f"{place}.function.parameters"
        schema = prepared_schema(an_object(parameters, where), where)
    return {
        "type": "function",
        "function": {"name": name, "description": description or "", "parameters": schema},
    }


def forced_call_schema(use: ToolUse) -> dict[str, Any]:
    """The schema of ``{"name", "arguments"}`` for the forced tools.

    Each tool's parameters stand under ``$defs``, so that their own references keep working.
    """
    by_name = {tool["function"]["name"]: tool["function"]["parameters"] for tool in use.tools}
    definitions = {
        f"arguments{at}": rebased(by_name[name], f"#/$defs/arguments{at}")
        for at, name in enumerate(use.forced)
    }
    calls = [
        {
            "type": "object",
            "properties": {
                "name": {"const": name},
                "arguments": {"$ref": f"#/$defs/arguments{at}"},
            },
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for at, name in enumerate(use.forced)
    ]
    call = calls[0] if len(calls) == 1 else {"anyOf": calls}
    return {**call, "$defs": definitions}


def speaks_tagged_json(chat_template: str | None) -> bool:
    """Whether a model writes calls as ``<tool_call>{"name": …, "arguments": …}</tool_call>``."""
    template = chat_template or ""
    return "<tool_call>" in template and "<function=" not in template


# A keyword that llguidance does not know would switch the whole grammar off, with nothing but a
# line in the log; lenient, it leaves out that keyword. Free white space would let a weak model
# write nothing else.
_GUIDANCE = {
    "lenient": True,
    "whitespace_flexible": False,
    "item_separator": ", ",
    "key_separator": ": ",
}


def forced_call_fields(use: ToolUse, chat_template: str | None) -> dict[str, Any]:
    """The engine fields that make it answer with one call of the forced tools.

    Where the model's own way to write calls is known, the grammar keeps to it, because a model
    fills in arguments best in the form that it was trained on.
    """
    schema = forced_call_schema(use)
    if speaks_tagged_json(chat_template):
        call = json.dumps({**schema, "x-guidance": _GUIDANCE})
        # A grammar of llguidance, which the engine carries; "none" leaves the text unparsed.
        grammar = (
            '%llguidance {}\nstart: "<tool_call>\\n" call "\\n</tool_call>"\n'
            f"call: %json {call}\n"
        )
        return {"tool_choice": "none", "grammar": grammar}
    return {"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}}


_OPENING = re.compile(
    r'\s*(?:<tool_call>\s*)?\{\s*"name"\s*:\s*"([^"\\]*)"\s*,\s*"arguments"\s*:\s*'
)
_CLOSING = re.compile(r"\s*\}\s*(?:<[/a-z_>]*)?\s*$")


class ForcedCallReader:
    """Turns the JSON answer of a forced call into tool call deltas while it streams.

    The wrapper's closing brace and tag belong to no delta, so a tail that could be them is held
    back.
    """

    def __init__(self) -> None:
        self._held = ""
        self._opened = False
        self._begun = False

    def feed(self, text: str) -> list[dict[str, Any]]:
        """The deltas that ``text`` completes: at first the call's name, then argument text."""
        self._held += text
        deltas: list[dict[str, Any]] = []
        if not self._opened:
            opening = _OPENING.match(self._held)
            if opening is None:
                return []
            self._opened = True
            self._held = self._held[opening.end() :]
            deltas.append(
                {
                    "index": 0,
                    "id": call_id(),
                    "type": "function",
                    "function": {"name": opening.group(1), "arguments": ""},
                }
            )
        if not self._begun:
            self._held = self._held.lstrip()
        closing = _CLOSING.search(self._held)
        body = self._held[: closing.start()] if closing else self._held
        if body:
            self._begun = True
            deltas.append({"index": 0, "function": {"arguments": body}})
            self._held = self._held[len(body) :]
        return deltas
