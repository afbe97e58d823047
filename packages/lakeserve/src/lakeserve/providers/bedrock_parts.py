"""From the content of a caller's message to the content blocks of Bedrock's Converse. Pure.

Source: Amazon Bedrock's API reference, "ContentBlock" and the types that it names.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lakeserve.core.errors import BadRequest
from lakeserve.providers import chat_request as chat
from lakeserve.providers.json_values import mapping, string

PROVIDER = "amazon-bedrock"

LONGEST_ID = 64

_NOT_IN_ID = re.compile(r"[^a-zA-Z0-9_.:-]")
_NOT_IN_NAME = re.compile(r"[^a-zA-Z0-9 ()\[\]-]+")

_IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
_DOCUMENTS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
}


def tool_id(identity: str) -> str:
    """The id of a call in the characters and the length that Bedrock accepts."""
    return _NOT_IN_ID.sub("_", identity)[:LONGEST_ID]


def blocks(message: chat.Message) -> list[dict[str, Any]]:
    """The content of a message; an empty text is none, for Bedrock refuses it.

    Raises:
        BadRequest: A part is wrong, or has no counterpart.
    """
    return [block for part in chat.parts(message) for block in _blocks(part, message.role)]


def call_blocks(message: chat.Message) -> list[dict[str, Any]]:
    """The calls of an assistant's message.

    Raises:
        BadRequest: One is not whole.
    """
    return [
        {"toolUse": {"toolUseId": tool_id(call.id), "name": call.name, "input": call.arguments}}
        for call in chat.tool_calls(message)
    ]


def result_block(message: chat.Message) -> dict[str, Any]:
    """A ``tool`` message.

    Raises:
        BadRequest: It answers no call, or has a part that has no counterpart.
    """
    found = blocks(message) or [{"text": " "}]  # it must hold something, but no empty text
    result = {"toolUseId": tool_id(chat.tool_call_id(message)), "content": found}
    if message.value.get("is_error") is True:
        result["status"] = "error"
    return {"toolResult": result}


def _blocks(part: chat.Part, role: str) -> Iterator[dict[str, Any]]:
    if part.type == "reasoning" and role == "assistant":
        yield from _thoughts(part)
    elif part.type == "text" or (part.type == "refusal" and role == "assistant"):
        if text := chat.text(part):
            yield {"text": text}
    elif part.type == "image_url" and role in {"user", "tool"}:
        yield {"image": _image(part)}
    elif part.type == "file" and role in {"user", "tool"}:
        yield {"document": _document(part)}
    else:
        raise chat.unsupported(part, role, PROVIDER)
    if part.value.get("cache_control") is not None and role != "tool":
        yield cache_point(mapping(part.value["cache_control"]))


def cache_point(marker: Mapping[str, Any]) -> dict[str, Any]:
    """What the mark of a part to be cached is there: a block behind it."""
    life = {"ttl": marker["ttl"]} if isinstance(marker.get("ttl"), str) else {}
    return {"cachePoint": {"type": "default", **life}}


def _thoughts(part: chat.Part) -> Iterator[dict[str, Any]]:
    """Thoughts that the model may see again: those that it has signed, and hidden ones."""
    for text, signature in chat.thoughts(part):
        if signature:
            yield {"reasoningContent": {"reasoningText": {"text": text, "signature": signature}}}
    if hidden := string(part.value.get("encrypted_content")):
        yield {"reasoningContent": {"redactedContent": hidden}}


def _image(part: chat.Part) -> dict[str, Any]:
    url = chat.address(part)
    if url.startswith("s3://"):
        ending = url.rpartition(".")[2].lower()
        return {
            "format": "jpeg" if ending == "jpg" else ending,
            "source": {"s3Location": {"uri": url}},
        }
    kind, data = _data(part, url)
    if kind not in _IMAGES:
        raise BadRequest(
            f"Field '{part.where}': images of the type {kind!r} are not supported by provider"
            f" {PROVIDER!r}; accepted: {', '.join(_IMAGES)}."
        )
    return {"format": _IMAGES[kind], "source": {"bytes": data}}


def _document(part: chat.Part) -> dict[str, Any]:
    file = mapping(part.value.get("file"))
    data = file.get("file_data")
    if not isinstance(data, str):
        raise BadRequest(f"Field '{part.where}.file.file_data' must be a string.")
    kind, content = _data(part, data)
    if kind not in _DOCUMENTS:
        raise BadRequest(
            f"Field '{part.where}': files of the type {kind!r} are not supported by provider"
            f" {PROVIDER!r}; accepted: {', '.join(_DOCUMENTS)}."
        )
    name = _NOT_IN_NAME.sub(" ", string(file.get("filename"))).strip() or "document"
    return {"format": _DOCUMENTS[kind], "name": name, "source": {"bytes": content}}


def _data(part: chat.Part, url: str) -> tuple[str, str]:
    inside = chat.embedded(url)
    if inside is None:
        raise BadRequest(
            f"Field '{part.where}': provider {PROVIDER!r} reads no addresses; give the data itself"
            " as a data: address with base64."
        )
    return inside
