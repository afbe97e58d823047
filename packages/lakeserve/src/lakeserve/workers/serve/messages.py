"""Chat messages as callers send them, checked and in the form the engine takes. Pure."""

from typing import Any

from lakeserve.workers.serve.errors import invalid
from lakeserve.workers.serve.fields import an_object, kind_of, shown
from lakeserve.workers.serve.images import read_image

ROLES = ("system", "developer", "user", "assistant", "tool")


def read_messages(value: object, *, images: bool = False) -> list[dict[str, Any]]:
    """The messages of a chat request.

    Args:
        value: As it came.
        images: Whether the model sees images.

    Raises:
        ApiError: 400, naming the message and field at fault.
    """
    if not isinstance(value, list):
        seen = "missing" if value is None else kind_of(value)
        raise invalid("messages", f"must be a non-empty array, is {seen}.", "invalid_type")
    if not value:
        raise invalid("messages", "must hold at least one message, not [].")
    return [read_message(item, f"messages[{at}]", images=images) for at, item in enumerate(value)]


def read_message(value: object, place: str, *, images: bool = False) -> dict[str, Any]:
    """One message; ``place`` names it in errors.

    Raises:
        ApiError: 400.
    """
    message = an_object(value, place)
    role = message.get("role")
    if role not in ROLES:
        raise invalid(f"{place}.role", f"must be one of {', '.join(ROLES)}, not {shown(role)}.")
    calls = _tool_calls(message, place) if role == "assistant" else []
    sees = images and role == "user"
    read: dict[str, Any] = {
        "role": "system" if role == "developer" else role,
        "content": _content(
            message.get("content"), f"{place}.content", optional=bool(calls), images=sees
        ),
    }
    if calls:
        read["tool_calls"] = calls
    if role == "tool":
        read["tool_call_id"] = _text(message.get("tool_call_id"), f"{place}.tool_call_id")
    if isinstance(message.get("name"), str):
        read["name"] = message["name"]
    return read


def _content(
    content: object, place: str, *, optional: bool, images: bool
) -> str | list[dict[str, Any]]:
    if content is None and optional:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return _parts(content, place, images=images)
    raise invalid(
        place,
        f"must be a string or an array of text parts, not {kind_of(content)}.",
        "invalid_type",
    )


def _parts(parts: list[object], place: str, *, images: bool) -> str | list[dict[str, Any]]:
    """The texts of all parts in one, or a list of parts where there are images."""
    read: list[dict[str, Any]] = []
    for at, part in enumerate(parts):
        where = f"{place}[{at}]"
        if images and isinstance(part, dict) and part.get("type") == "image_url":
            read.append(read_image(part, where))
        else:
            read.append({"type": "text", "text": _part(part, where)})
    if all(part["type"] == "text" for part in read):
        return "".join(part["text"] for part in read)
    return read


def _part(value: object, place: str) -> str:
    if isinstance(value, str):
        return value
    part = an_object(value, place)
    kind = part.get("type")
    if kind in ("text", "input_text", "output_text"):
        return _text(part.get("text"), f"{place}.text")
    if kind == "refusal":
        return _text(part.get("refusal"), f"{place}.refusal")
    if kind in ("reasoning", "thinking"):
        return ""  # what a model thought before is not part of the conversation
    if kind in ("image_url", "image", "input_image", "input_audio", "file", "video_url"):
        raise invalid(
            f"{place}.type",
            f"{kind!r} is not accepted: this model reads text only. Send parts of type 'text'.",
            "unsupported_content",
        )
    raise invalid(f"{place}.type", f"must be 'text', not {shown(kind)}.")


def _tool_calls(message: dict[str, Any], place: str) -> list[dict[str, Any]]:
    calls = message.get("tool_calls")
    if calls is None:
        return []
    if not isinstance(calls, list):
        raise invalid(
            f"{place}.tool_calls", f"must be an array, not {kind_of(calls)}.", "invalid_type"
        )
    return [_tool_call(call, f"{place}.tool_calls[{at}]") for at, call in enumerate(calls)]


def _tool_call(value: object, place: str) -> dict[str, Any]:
    call = an_object(value, place)
    function = an_object(call.get("function"), f"{place}.function")
    return {
        "id": _text(call.get("id"), f"{place}.id"),
        "type": "function",
        "function": {
            "name": _text(function.get("name"), f"{place}.function.name"),
            "arguments": _text(function.get("arguments"), f"{place}.function.arguments"),
        },
    }


def _text(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise invalid(place, f"must be a string, not {kind_of(value)}.", "invalid_type")
    return value
