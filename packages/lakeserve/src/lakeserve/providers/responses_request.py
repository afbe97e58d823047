"""From a request of the Responses API to one of a chat. Pure.

Both are OpenAI's (their API reference, "Create a model response" and "Create chat completion").
Errors name the field.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from lakeserve.core.errors import BadRequest
from lakeserve.providers.json_values import mapping, objects, string

# What needs responses that are kept, or tools that run elsewhere, which a chat has not.
REFUSED = (
    "background",
    "context_management",
    "conversation",
    "max_tool_calls",
    "previous_response_id",
    "prompt",
    "store",
)

# Said again in the answer, or of no consequence there.
DROPPED = frozenset({"include", "metadata", "truncation", "stream_options"})

TRANSLATED = frozenset(
    {
        *REFUSED,
        *DROPPED,
        "input",
        "instructions",
        "max_output_tokens",
        "reasoning",
        "text",
        "tool_choice",
        "tools",
    }
)

ROLES = ("user", "assistant", "system", "developer")
LOGPROBS = "message.output_text.logprobs"


def chat_request(body: Mapping[str, Any], *, thoughts: bool) -> dict[str, Any]:
    """The chat that stands for a request; fields unknown to the Responses API pass as they are.

    Args:
        body: The request.
        thoughts: Whether the model takes back what it thought; thoughts are dropped otherwise.

    Raises:
        BadRequest: A field is wrong, or a chat has no counterpart of it.
    """
    for name in REFUSED:
        if body.get(name) not in (None, False):
            raise BadRequest(
                f"Parameter '{name}' is not supported here: this endpoint keeps no responses and"
                " runs no tools."
            )
    chat = {name: value for name, value in body.items() if name not in TRANSLATED}
    chat["messages"] = [*_instructions(body), *_messages(_items(body["input"], thoughts))]
    if body.get("max_output_tokens") is not None:
        chat["max_tokens"] = body["max_output_tokens"]
    effort = _object(body, "reasoning").get("effort")
    if effort is not None:
        chat["reasoning_effort"] = effort
    if LOGPROBS in (body.get("include") or ()):
        chat["logprobs"] = True
    chat.update(_text(_object(body, "text")))
    chat.update(_tools(body))
    return chat


def _object(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    if value is not None and not isinstance(value, dict):
        raise BadRequest(f"Field '{name}' must be an object.")
    return value or {}


def _instructions(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    given = body.get("instructions")
    if given is None:
        return []
    if not isinstance(given, str):
        raise BadRequest("Field 'instructions' must be a string.")
    return [{"role": "system", "content": given}]


def _text(given: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if given.get("verbosity") is not None:
        found["verbosity"] = given["verbosity"]
    form = given.get("format")
    if form is None:
        return found
    kind = mapping(form).get("type")
    if kind == "json_schema":
        schema = {name: value for name, value in mapping(form).items() if name != "type"}
        return {**found, "response_format": {"type": kind, "json_schema": schema}}
    if kind not in ("text", "json_object"):
        raise BadRequest("Field 'text.format.type' must be text, json_object or json_schema.")
    return {**found, "response_format": {"type": kind}} if kind == "json_object" else found


def _tools(body: Mapping[str, Any]) -> dict[str, Any]:
    given = body.get("tools")
    if given is None:
        return {}
    if not isinstance(given, list) or not all(isinstance(tool, dict) for tool in given):
        raise BadRequest("Field 'tools' must be a list of objects.")
    if not given:
        return {}
    found: dict[str, Any] = {"tools": [_tool(n, tool) for n, tool in enumerate(given)]}
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        if choice.get("type") != "function" or not isinstance(choice.get("name"), str):
            raise BadRequest(
                "Field 'tool_choice' must be none, auto, required or"
                ' {"type": "function", "name": ...}.'
            )
        choice = {"type": "function", "function": {"name": choice["name"]}}
    return found if choice is None else {**found, "tool_choice": choice}


def _tool(number: int, tool: Mapping[str, Any]) -> Mapping[str, Any]:
    kind = tool.get("type")
    if kind is None:  # a tool of the vendor's own, which has no types
        return tool
    if kind != "function":
        raise BadRequest(
            f"Field 'tools[{number}]': tools of the type {kind!r} are not supported here; only"
            " functions are."
        )
    names = ("name", "description", "parameters", "strict")
    function = {name: tool[name] for name in names if tool.get(name) is not None}
    marker = {"cache_control": tool["cache_control"]} if tool.get("cache_control") else {}
    return {"type": "function", "function": function, **marker}


def _items(given: object, thoughts: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """The items of the input, each with where it stands."""
    if isinstance(given, str):
        yield "input", {"role": "user", "content": given}
        return
    if not isinstance(given, list):
        raise BadRequest("Field 'input' must be a string or a list of items.")
    for number, item in enumerate(given):
        where = f"input[{number}]"
        if not isinstance(item, dict):
            raise BadRequest(f"Field '{where}' must be an object.")
        if thoughts or item.get("type") != "reasoning":
            yield where, item


def _messages(items: Iterator[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """The conversation; what the model thought, said and called in one go is one message."""
    messages: list[dict[str, Any]] = []
    own: dict[str, Any] | None = None  # the message of the model that is being put together
    for where, item in items:
        if _is_own(item):
            if own is None or (_says(item) and "tool_calls" in own):
                own = {"role": "assistant", "content": []}
                messages.append(own)
            _add_own(own, item, where)
        else:
            own = None
            messages.append(_other(item, where))
    for message in messages:
        if message["content"] == []:
            message["content"] = None
    return messages


def _is_own(item: Mapping[str, Any]) -> bool:
    kind = item.get("type", "message")
    return kind in ("function_call", "reasoning") or (
        kind == "message" and item.get("role") == "assistant"
    )


def _says(item: Mapping[str, Any]) -> bool:
    """Whether an item of the model begins something new after its calls."""
    return item.get("type") != "function_call"


def _add_own(message: dict[str, Any], item: Mapping[str, Any], where: str) -> None:
    kind = item.get("type", "message")
    if kind == "function_call":
        message.setdefault("tool_calls", []).append(_call(item, where))
    elif kind == "reasoning":
        message["content"].append(_thought(item))
    else:
        message["content"] += _parts(item.get("content"), f"{where}.content")


def _call(item: Mapping[str, Any], where: str) -> dict[str, Any]:
    identity, name = item.get("call_id"), item.get("name")
    if not isinstance(identity, str) or not isinstance(name, str):
        raise BadRequest(f"Field '{where}' must have a call_id and a name.")
    function = {"name": name, "arguments": item.get("arguments") or ""}
    call = {"id": identity, "type": "function", "function": function}
    extra = item.get("extra_content")
    return call if extra is None else {**call, "extra_content": extra}


def _thought(item: Mapping[str, Any]) -> dict[str, Any]:
    """A thought as a chat has it: what a vendor sealed is the signature of its text."""
    texts = [string(part.get("text")) for part in objects(item.get("summary"))]
    sealed = string(item.get("encrypted_content"))
    if not texts:
        return {"type": "reasoning", "summary": [], "encrypted_content": sealed}
    signature = {"signature": sealed} if sealed else {}
    summary = [{"type": "summary_text", "text": text} for text in texts]
    summary[-1].update(signature)
    return {"type": "reasoning", "summary": summary}


def _other(item: Mapping[str, Any], where: str) -> dict[str, Any]:
    kind = item.get("type", "message")
    if kind == "function_call_output":
        identity = item.get("call_id")
        if not isinstance(identity, str):
            raise BadRequest(f"Missing required field '{where}.call_id'.")
        output = _content(item.get("output"), f"{where}.output")
        return {"role": "tool", "tool_call_id": identity, "content": output}
    if kind != "message":
        raise BadRequest(f"Field '{where}': items of the type {kind!r} are not supported here.")
    role = item.get("role")
    if role not in ROLES:
        raise BadRequest(f"Field '{where}.role' must be one of {', '.join(ROLES)}.")
    return {"role": role, "content": _content(item.get("content"), f"{where}.content")}


def _content(given: object, where: str) -> str | list[dict[str, Any]]:
    return given if isinstance(given, str) else _parts(given, where)


def _parts(given: object, where: str) -> list[dict[str, Any]]:
    if isinstance(given, str):
        return [{"type": "text", "text": given}]
    if not isinstance(given, list):
        raise BadRequest(f"Field '{where}' must be a string or a list of parts.")
    return list(_each_part(given, where))


def _each_part(given: list[Any], where: str) -> Iterator[dict[str, Any]]:
    for number, part in enumerate(given):
        if not isinstance(part, dict):
            raise BadRequest(f"Field '{where}[{number}]' must be an object.")
        marker = {"cache_control": part["cache_control"]} if part.get("cache_control") else {}
        yield {**_part(part, f"{where}[{number}]"), **marker}


def _part(part: Mapping[str, Any], where: str) -> dict[str, Any]:
    kind = part.get("type")
    if kind in ("input_text", "output_text", "text"):
        return {"type": "text", "text": part.get("text")}
    if kind == "refusal":
        return {"type": "refusal", "refusal": part.get("refusal")}
    if kind == "input_image" and isinstance(part.get("image_url"), str):
        detail = {"detail": part["detail"]} if part.get("detail") else {}
        return {"type": "image_url", "image_url": {"url": part["image_url"], **detail}}
    if kind == "input_file" and part.get("file_id") is None:
        names = ("file_data", "filename", "file_url")
        return {"type": "file", "file": {n: part[n] for n in names if part.get(n) is not None}}
    if kind == "input_audio":
        return {"type": "input_audio", "input_audio": part.get("input_audio")}
    raise BadRequest(
        f"Field '{where}': parts of the type {kind!r} are not supported here, nor are things that"
        " were uploaded before."
    )
