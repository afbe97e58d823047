"""Content parts: LangChain's blocks to and from the parts of chat completions; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from langchain_lakeserve._json import JSONObject, JSONValue

PROVIDER = "databricks"
"""What `response_metadata["model_provider"]` says on the messages that this package makes."""

FILE_NAME = "file.pdf"
"""Endpoints refuse a file without a name."""

# Tool calls travel beside the content, reasoning is handled apart, the rest is LangChain's own.
_NOT_CONTENT = frozenset(
    {
        "tool_call",
        "tool_use",
        "tool_call_chunk",
        "invalid_tool_call",
        "function_call",
        "server_tool_call",
        "server_tool_call_chunk",
        "server_tool_result",
        "input_json_delta",
    }
)
_REASONING = frozenset({"reasoning", "thinking", "redacted_thinking", "reasoning_content"})


def parts_to_wire(
    parts: Iterable[JSONValue], reasoning: str = "none", *, own: bool = False
) -> list[JSONObject]:
    """Translate content parts for a request.

    Args:
        parts: Strings and blocks: LangChain's (both generations), OpenAI's or Anthropic's.
        reasoning: Which reasoning to send: "signed", "all" or "none".
        own: The message came from an endpoint of this kind, so its signatures are valid there.

    Raises:
        ValueError: A block has no data that can be sent.
    """
    wire: list[JSONObject] = []
    for part in parts:
        if isinstance(part, str):
            wire.append({"type": "text", "text": part})
            continue
        kind = part.get("type")
        if kind in _REASONING:
            sent = _reasoning_to_wire(part)
            signed = own and any("signature" in item for item in sent["summary"])
            if reasoning == "all" or (reasoning == "signed" and signed):
                wire.append(sent)
        elif kind not in _NOT_CONTENT:
            wire.append(_part_to_wire(part))
    return wire


def _part_to_wire(part: JSONObject) -> JSONObject:
    kind = part.get("type")
    translate = _TO_WIRE.get(kind) if isinstance(kind, str) else None
    if translate is None:
        return dict(part)  # an endpoint's own kind of part
    wire = translate(part)
    marker = part.get("cache_control") or (part.get("extras") or {}).get("cache_control")
    if marker:
        wire["cache_control"] = marker
    return wire


def _text(part: JSONObject) -> JSONObject:
    return {"type": "text", "text": part.get("text", "")}


def _plain_text(part: JSONObject) -> JSONObject:
    return {"type": "text", "text": part.get("text") or part.get("data") or ""}


def _image(part: JSONObject) -> JSONObject:
    image: JSONObject = {"url": _address(part, "image/png")}
    detail = part.get("detail") or (part.get("extras") or {}).get("detail")
    if detail:
        image["detail"] = detail
    return {"type": "image_url", "image_url": image}


def _image_url(part: JSONObject) -> JSONObject:
    image = part.get("image_url")
    return {"type": "image_url", "image_url": {"url": image} if isinstance(image, str) else image}


def _audio(part: JSONObject) -> JSONObject:
    data = _data(part)
    if data is None:
        raise ValueError("an audio block needs base64 data; endpoints take no address")
    sound = (part.get("mime_type") or "audio/wav").split("/")[-1]
    return {
        "type": "input_audio",
        "input_audio": {"data": data, "format": _FORMATS.get(sound, sound)},
    }


_FORMATS = {"x-wav": "wav", "wave": "wav", "vnd.wave": "wav", "mpeg": "mp3"}


def _file(part: JSONObject) -> JSONObject:
    nested = part.get("file")
    if isinstance(nested, dict):
        return {"type": "file", "file": dict(nested)}
    file_id = part.get("file_id") or (part.get("id") if part.get("source_type") == "id" else None)
    if file_id:
        return {"type": "file", "file": {"file_id": file_id}}
    extras = {**(part.get("metadata") or {}), **(part.get("extras") or {})}
    name = part.get("filename") or extras.get("filename") or part.get("title") or FILE_NAME
    if _data(part) is None:
        raise ValueError("a file block needs base64 data or a file_id; endpoints take no address")
    address = _address(part, "application/pdf")
    return {"type": "file", "file": {"filename": name, "file_data": address}}


def _refusal(part: JSONObject) -> JSONObject:
    return {"type": "refusal", "refusal": part.get("refusal", "")}


def _non_standard(part: JSONObject) -> JSONObject:
    value = part.get("value")
    if not isinstance(value, dict):
        raise ValueError("a non_standard block needs a dict as its value")
    return dict(value)


def _video(part: JSONObject) -> JSONObject:
    return {"type": "video_url", "video_url": {"url": _address(part, "video/mp4")}}


_TO_WIRE: dict[str, Callable[[JSONObject], JSONObject]] = {
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "text-plain": _plain_text,
    "image": _image,
    "image_url": _image_url,
    "audio": _audio,
    "file": _file,
    "document": _file,
    "video": _video,
    "refusal": _refusal,
    "non_standard": _non_standard,
}


def _source(part: JSONObject) -> JSONObject:
    """Return where the data is: Anthropic has it one level down."""
    source = part.get("source")
    return source if isinstance(source, dict) else part


def _data(part: JSONObject) -> str | None:
    source = _source(part)
    data = source.get("base64")
    if data is None and (source.get("source_type") == "base64" or source.get("type") == "base64"):
        data = source.get("data")
    return data if isinstance(data, str) else None


def _address(part: JSONObject, default_mime: str) -> str:
    source = _source(part)
    data = _data(part)
    if data is not None:
        mime = source.get("mime_type") or source.get("media_type") or default_mime
        return f"data:{mime};base64,{data}"
    url = source.get("url")
    if not isinstance(url, str):
        raise ValueError(f"a block of type {part.get('type')!r} needs base64 data or a url")
    return url


# --- reasoning ----------------------------------------------------------------------------


def _reasoning_to_wire(part: JSONObject) -> JSONObject:
    extras = part.get("extras") or {}
    text = part.get("reasoning") or part.get("thinking") or part.get("text") or ""
    summary = part.get("summary")
    if not isinstance(summary, list):
        item: JSONObject = {"type": "summary_text", "text": text}
        signature = part.get("signature") or extras.get("signature")
        if signature:
            item["signature"] = signature
        summary = [item]
    return {"type": "reasoning", "summary": [dict(item) for item in summary]}


def reasoning_from_wire(part: JSONObject) -> list[JSONObject]:
    """Translate a reasoning part: one block for each piece of its summary."""
    summary = part.get("summary")
    if not isinstance(summary, list):
        summary = [part]
    blocks = []
    for item in summary:
        block: JSONObject = {
            "type": "reasoning",
            "reasoning": item.get("text") or item.get("reasoning") or "",
        }
        if signature := item.get("signature"):
            block["extras"] = {"signature": signature}
        blocks.append(block)
    return blocks


# --- from the wire ------------------------------------------------------------------------


def content_from_wire(content: JSONValue) -> str | list[str | JSONObject]:
    """Translate the content of a message; a list of plain texts only stays a list."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        content = [content]
    blocks: list[str | JSONObject] = []
    for part in content:
        if isinstance(part, dict):
            blocks.extend(part_from_wire(part))
        else:
            blocks.append(str(part))
    return blocks


def part_from_wire(part: JSONObject) -> list[JSONObject]:
    """Translate one content part into LangChain's blocks."""
    kind = part.get("type")
    if kind == "reasoning":
        return reasoning_from_wire(part)
    if kind == "image_url":
        image = part.get("image_url")
        image = {"url": image} if isinstance(image, str) else (image or {})
        return [_kept(part, _located("image", image.get("url") or "", detail=image.get("detail")))]
    if kind == "input_audio":
        sound = part.get("input_audio") or {}
        block = {
            "type": "audio",
            "base64": sound.get("data", ""),
            "mime_type": f"audio/{sound.get('format', 'wav')}",
        }
        return [_kept(part, block)]
    if kind == "file" and isinstance(part.get("file"), dict):
        return [_kept(part, _file_from_wire(part["file"]))]
    return [dict(part)]


def _file_from_wire(file: JSONObject) -> JSONObject:
    if "file_id" in file:
        return {"type": "file", "file_id": file["file_id"]}
    block = _located("file", file.get("file_data") or "")
    if name := file.get("filename"):
        block["extras"] = {"filename": name}
    return block


def _located(kind: str, url: str, detail: str | None = None) -> JSONObject:
    block: JSONObject = {"type": kind}
    head, comma, data = url.partition(",")
    if url.startswith("data:") and comma and head.endswith(";base64"):
        block["base64"] = data
        block["mime_type"] = head[len("data:") : -len(";base64")]
    else:
        block["url"] = url
    if detail:
        block["extras"] = {"detail": detail}
    return block


def _kept(part: JSONObject, block: JSONObject) -> JSONObject:
    if marker := part.get("cache_control"):
        block["extras"] = {**(block.get("extras") or {}), "cache_control": marker}
    return block
