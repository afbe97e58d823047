"""Reading a caller's chat request for a vendor with a protocol of its own. Pure.

The request is OpenAI's (their API reference, "Create chat completion"). Errors name the field.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from lakeserve.core.errors import BadRequest

# Values that ask for what happens anyway, so that a client that always sends them is served.
NEUTRAL: Mapping[str, object] = {
    "frequency_penalty": 0,
    "logit_bias": {},
    "logprobs": False,
    "modalities": ["text"],
    "n": 1,
    "presence_penalty": 0,
    "store": False,
    "top_logprobs": 0,
}

# Parameters that no vendor with a protocol of its own has a counterpart of.
OPENAI_ONLY = (
    "audio",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "modalities",
    "prediction",
    "prompt_cache_key",
    "safety_identifier",
    "store",
    "top_logprobs",
    "verbosity",
    "web_search_options",
)

ROLES = ("system", "developer", "user", "assistant", "tool")


class Message(NamedTuple):
    """A message and where it stands.

    Attributes:
        where: Such as ``messages[2]``.
        role: One of ``ROLES``.
    """

    where: str
    role: str
    value: Mapping[str, Any]


class Part(NamedTuple):
    """A part of a message's content and where it stands."""

    where: str
    type: str
    value: Mapping[str, Any]


class ToolCall(NamedTuple):
    """A call that the model made earlier.

    Attributes:
        arguments: Parsed; the wire has them as JSON text.
    """

    id: str
    name: str
    arguments: dict[str, Any]


class Function(NamedTuple):
    """A function that the model may call.

    Attributes:
        tool: The object around the function, for fields beside it.
    """

    name: str
    value: Mapping[str, Any]
    tool: Mapping[str, Any]


def refuse(body: Mapping[str, Any], names: tuple[str, ...], provider: str) -> None:
    """Refuse parameters that the vendor has no counterpart of, unless they change nothing.

    Raises:
        BadRequest: It names the first of them.
    """
    for name in names:
        value = body.get(name)
        if value is not None and not (name in NEUTRAL and value == NEUTRAL[name]):
            raise BadRequest(f"Parameter '{name}' is not supported by provider {provider!r}.")


def one_answer(body: Mapping[str, Any], provider: str) -> None:
    """Refuse to ask for several answers.

    Raises:
        BadRequest: ``n`` is not 1.
    """
    n = body.get("n")
    if n is not None and n != 1:
        raise BadRequest(
            f"Parameter 'n' must be 1: provider {provider!r} gives one answer per request."
        )


def stops(body: Mapping[str, Any]) -> list[str]:
    """The strings that end an answer.

    Raises:
        BadRequest: ``stop`` is neither a string nor a list of strings.
    """
    value = body.get("stop")
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    raise BadRequest("Field 'stop' must be a string or a list of strings.")


def token_limit(body: Mapping[str, Any]) -> Any:
    """The most tokens that an answer may have, as the caller wrote it, or None."""
    newer = body.get("max_completion_tokens")
    return body.get("max_tokens") if newer is None else newer


def messages(body: Mapping[str, Any]) -> Iterator[Message]:
    """The conversation.

    Raises:
        BadRequest: A role is unknown.
    """
    for number, value in enumerate(body["messages"]):
        where = f"messages[{number}]"
        role = value.get("role")
        if role not in ROLES:
            raise BadRequest(f"Field '{where}.role' must be one of {', '.join(ROLES)}.")
        yield Message(where, role, value)


def parts(message: Message) -> list[Part]:
    """The content of a message; a string is one part of text, null is none.

    Raises:
        BadRequest: It is something else.
    """
    where = f"{message.where}.content"
    content = message.value.get("content")
    if content is None:
        return []
    if isinstance(content, str):
        return [Part(where, "text", {"type": "text", "text": content})]
    if not isinstance(content, list):
        raise BadRequest(f"Field '{where}' must be a string, a list of parts or null.")
    return [_part(f"{where}[{number}]", value) for number, value in enumerate(content)]


def _part(where: str, value: object) -> Part:
    if isinstance(value, str):
        return Part(where, "text", {"type": "text", "text": value})
    if isinstance(value, dict) and isinstance(value.get("type"), str):
        return Part(where, value["type"], value)
    raise BadRequest(f"Field '{where}' must be an object with a type.")


def text(part: Part) -> str:
    """The text of a part of text.

    Raises:
        BadRequest: It has none.
    """
    field = "refusal" if part.type == "refusal" else "text"
    value = part.value.get(field)
    if not isinstance(value, str):
        raise BadRequest(f"Field '{part.where}.{field}' must be a string.")
    return value


def unsupported(part: Part, role: str, provider: str) -> BadRequest:
    """The error for a part that the vendor has no counterpart of."""
    return BadRequest(
        f"Field '{part.where}': parts of type {part.type!r} in {role} messages are not supported"
        f" by provider {provider!r}."
    )


def address(part: Part) -> str:
    """The address of a part with an image.

    Raises:
        BadRequest: It has none.
    """
    value = part.value.get("image_url")
    url = value.get("url") if isinstance(value, dict) else value
    if not isinstance(url, str):
        raise BadRequest(f"Field '{part.where}.image_url.url' must be a string.")
    return url


def embedded(url: str) -> tuple[str, str] | None:
    """The media type and the base64 text of a ``data:`` address (RFC 2397), or None."""
    scheme, colon, rest = url.partition(":")
    head, comma, data = rest.partition(",")
    if scheme.lower() != "data" or not colon or not comma or not head.endswith(";base64"):
        return None
    return head.partition(";")[0], data


def thoughts(part: Part) -> list[tuple[str, str | None]]:
    """The texts of a ``reasoning`` part, each with its signature or None."""
    summary = part.value.get("summary")
    return [
        (item["text"], item.get("signature") or None)
        for item in (summary if isinstance(summary, list) else [])
        if isinstance(item, dict) and isinstance(item.get("text"), str)
    ]


def tool_call_id(message: Message) -> str:
    """Which call a ``tool`` message answers.

    Raises:
        BadRequest: It does not say.
    """
    value = message.value.get("tool_call_id")
    if not isinstance(value, str) or not value:
        raise BadRequest(f"Missing required field '{message.where}.tool_call_id'.")
    return value


def tool_calls(message: Message) -> list[ToolCall]:
    """The calls that an assistant's message made.

    Raises:
        BadRequest: One is not whole, or its arguments are not the JSON text of an object.
    """
    given = message.value.get("tool_calls")
    if given is None:
        return []
    if not isinstance(given, list):
        raise BadRequest(f"Field '{message.where}.tool_calls' must be a list.")
    return [_tool_call(f"{message.where}.tool_calls[{n}]", value) for n, value in enumerate(given)]


def _tool_call(where: str, value: object) -> ToolCall:
    call = value if isinstance(value, dict) else {}
    function = call.get("function")
    function = function if isinstance(function, dict) else {}
    identity, name = call.get("id"), function.get("name")
    if not isinstance(identity, str) or not isinstance(name, str):
        raise BadRequest(f"Field '{where}' must have an id and a function with a name.")
    return ToolCall(identity, name, _arguments(where, function.get("arguments")))


def _arguments(where: str, value: object) -> dict[str, Any]:
    if value is None or value == "":
        return {}
    try:
        parsed = orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError:
        parsed = None
    if not isinstance(parsed, dict):
        raise BadRequest(f"Field '{where}.function.arguments' must be the JSON text of an object.")
    return parsed


def functions(body: Mapping[str, Any]) -> tuple[list[Function], list[Mapping[str, Any]]]:
    """The functions that the model may call, and the tools of other types.

    Raises:
        BadRequest: ``tools`` is not a list of tools.
    """
    given = body.get("tools")
    if given is None:
        return [], []
    if not isinstance(given, list) or not all(isinstance(tool, dict) for tool in given):
        raise BadRequest("Field 'tools' must be a list of objects.")
    others = [tool for tool in given if tool.get("type") != "function"]
    return [
        _function(f"tools[{number}]", tool)
        for number, tool in enumerate(given)
        if tool.get("type") == "function"
    ], others


def _function(where: str, tool: Mapping[str, Any]) -> Function:
    value = tool.get("function")
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise BadRequest(f"Field '{where}.function' must be an object with a name.")
    return Function(value["name"], value, tool)


def chosen_function(choice: object) -> str:
    """The function that ``tool_choice`` names.

    Raises:
        BadRequest: It is none of the documented forms.
    """
    function = choice.get("function") if isinstance(choice, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(name, str):
        raise BadRequest(
            "Field 'tool_choice' must be none, auto, required or"
            ' {"type": "function", "function": {"name": ...}}.'
        )
    return name


def answer_schema(body: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The type of ``response_format``, and the schema where the type is ``json_schema``.

    Raises:
        BadRequest: It is none of the documented forms.
    """
    value = body.get("response_format")
    if value is None:
        return "text", {}
    kind = value.get("type") if isinstance(value, dict) else None
    if kind in ("text", "json_object"):
        return str(kind), {}
    form = value.get("json_schema") if isinstance(value, dict) else None
    schema = form.get("schema") if isinstance(form, dict) else None
    if kind != "json_schema" or not isinstance(schema, dict):
        raise BadRequest(
            "Field 'response_format' must have the type text, json_object or json_schema; the"
            " last with an object in 'json_schema.schema'."
        )
    return "json_schema", schema
