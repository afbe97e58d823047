"""From the content of a caller's message to Anthropic's content blocks. Pure.

Source: Anthropic's API reference, "Create a Message", ``messages.content``.
"""

import base64
import re
from typing import Any

from lakeserve.core.errors import BadRequest
from lakeserve.providers import chat_request as chat

PROVIDER = "anthropic"

# Anthropic's own blocks, which callers may put into content as they are.
_OWN = {
    "user": frozenset({"document", "image", "search_result"}),
    "assistant": frozenset({"redacted_thinking", "thinking"}),
    "tool": frozenset({"document", "image", "search_result"}),
}

_NOT_IN_ID = re.compile(r"[^a-zA-Z0-9_-]")


def tool_id(identity: str) -> str:
    """The id of a call in the characters that Anthropic accepts; other vendors use more."""
    return _NOT_IN_ID.sub("_", identity)


def plain_or_blocks(message: chat.Message) -> str | list[dict[str, Any]]:
    """The content of a message: a string where the caller wrote one."""
    content = message.value.get("content")
    if isinstance(content, str):
        return content
    return blocks(message) or str(message.value.get("refusal") or "")


def blocks(message: chat.Message) -> list[dict[str, Any]]:
    """The content of a message as blocks.

    Raises:
        BadRequest: A part is wrong, or has no counterpart.
    """
    return [block for part in chat.parts(message) for block in _blocks(part, message.role)]


def system_blocks(message: chat.Message) -> list[dict[str, Any]]:
    """The content of a system message, which can only be text.

    Raises:
        BadRequest: It is something else.
    """
    parts = chat.parts(message)
    for part in parts:
        if part.type != "text":
            raise chat.unsupported(part, message.role, PROVIDER)
    return [_text(part) for part in parts]


def _blocks(part: chat.Part, role: str) -> list[dict[str, Any]]:
    if part.type == "text" or (part.type == "refusal" and role == "assistant"):
        return [_text(part)]
    if part.type == "reasoning" and role == "assistant":
        return _thinking(part)
    if part.type in _OWN[role]:
        return [dict(part.value)]
    if part.type == "image_url" and role != "assistant":
        return [{"type": "image", "source": _image(part), **_cached(part)}]
    if part.type == "file" and role != "assistant":
        return [_document(part)]
    raise chat.unsupported(part, role, PROVIDER)


def _text(part: chat.Part) -> dict[str, Any]:
    return {"type": "text", "text": chat.text(part), **_cached(part)}


def _cached(part: chat.Part) -> dict[str, Any]:
    mark = part.value.get("cache_control")
    return {} if mark is None else {"cache_control": mark}


def _thinking(part: chat.Part) -> list[dict[str, Any]]:
    """Thoughts that the vendor signed; without its signature it takes none back."""
    hidden = part.value.get("encrypted_content")
    if isinstance(hidden, str) and hidden:
        return [{"type": "redacted_thinking", "data": hidden}]
    return [
        {"type": "thinking", "thinking": text, "signature": signature}
        for text, signature in chat.thoughts(part)
        if signature is not None
    ]


def _image(part: chat.Part) -> dict[str, Any]:
    url = chat.address(part)
    data = chat.embedded(url)
    if data is not None:
        return {"type": "base64", "media_type": data[0], "data": data[1]}
    if url.startswith(("http://", "https://")):
        return {"type": "url", "url": url}
    raise BadRequest(
        f"Field '{part.where}.image_url.url' must be an http address or a data: address with"
        " base64."
    )


def _document(part: chat.Part) -> dict[str, Any]:
    file = part.value.get("file")
    data = file.get("file_data") if isinstance(file, dict) else None
    if not isinstance(file, dict) or not isinstance(data, str):
        raise BadRequest(
            f"Field '{part.where}.file.file_data' must be a string; files by id are not supported"
            f" by provider {PROVIDER!r}."
        )
    name = file.get("filename")
    title = {"title": name} if isinstance(name, str) else {}
    return {"type": "document", "source": _source(part, data), **title, **_cached(part)}


def _source(part: chat.Part, data: str) -> dict[str, Any]:
    if data.startswith(("http://", "https://")):
        return {"type": "url", "url": data}
    inside = chat.embedded(data)
    if inside is None:
        raise BadRequest(
            f"Field '{part.where}.file.file_data' must be an http address or a data: address with"
            " base64."
        )
    return _data_source(part, *inside)


def _data_source(part: chat.Part, media_type: str, data: str) -> dict[str, Any]:
    """Anthropic takes plain text as it is, and everything else in base64."""
    if media_type != "text/plain":
        return {"type": "base64", "media_type": media_type, "data": data}
    try:
        text = base64.b64decode(data, validate=True).decode()
    except ValueError:
        raise BadRequest(
            f"Field '{part.where}.file.file_data' must be UTF-8 text in base64."
        ) from None
    return {"type": "text", "media_type": media_type, "data": text}
