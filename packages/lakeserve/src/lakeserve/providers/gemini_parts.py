"""From the content of a caller's message to Gemini's parts. Pure.

Source: Vertex AI's reference, "Content" and "Part"; "Thought signatures".
"""

import mimetypes
from collections.abc import Mapping
from typing import Any

import orjson

from lakeserve.core.errors import BadRequest
from lakeserve.providers import chat_request as chat
from lakeserve.providers.json_values import mapping, string

PROVIDER = "google-cloud-vertex-ai"


def parts(message: chat.Message) -> list[dict[str, Any]]:
    """The content of a system's or a user's message.

    Raises:
        BadRequest: A part is wrong, or has no counterpart.
    """
    return [_part(part, message.role) for part in chat.parts(message)]


def answer_parts(message: chat.Message) -> list[dict[str, Any]]:
    """An assistant's message: what it thought, said and called.

    Raises:
        BadRequest: A part is wrong, or has no counterpart.
    """
    found: list[dict[str, Any]] = []
    for part in chat.parts(message):
        if part.type == "reasoning":
            found += [{"text": text, "thought": True} for text, _ in chat.thoughts(part)]
        elif part.type in {"text", "refusal"}:
            said = chat.text(part)
            found += [{"text": said}] if said else []
        else:
            raise chat.unsupported(part, message.role, PROVIDER)
    calls = chat.tool_calls(message)
    given = message.value.get("tool_calls") or []
    for call, value in zip(calls, given, strict=True):
        made: dict[str, Any] = {"functionCall": {"name": call.name, "args": call.arguments}}
        signature = signature_of(value)
        found.append({**made, "thoughtSignature": signature} if signature else made)
    return found


def signature_of(call: Mapping[str, Any]) -> str:
    """The signature of a call, where Google's own OpenAI-compatible interface has it."""
    extra = mapping(mapping(call.get("extra_content")).get("google"))
    return string(extra.get("thought_signature"))


def result_part(message: chat.Message, names: Mapping[str, str]) -> dict[str, Any]:
    """The result of a call.

    Args:
        message: Of the role ``tool``.
        names: The function that was called, by the call's id.

    Raises:
        BadRequest: It answers no call, or is no text.
    """
    identity = chat.tool_call_id(message)
    name = names.get(identity) or message.value.get("name")
    if not isinstance(name, str):
        raise BadRequest(f"Field '{message.where}.tool_call_id' names no earlier call.")
    found = chat.parts(message)
    for part in found:
        if part.type != "text":
            raise chat.unsupported(part, message.role, PROVIDER)
    text = "".join(chat.text(part) for part in found)
    return {"functionResponse": {"name": name, "response": _result(text)}}


def _result(text: str) -> dict[str, Any]:
    """An object as it is; anything else as the ``result`` of one, for Gemini takes objects only."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = None
    return value if isinstance(value, dict) else {"result": text}


def _part(part: chat.Part, role: str) -> dict[str, Any]:
    if part.type == "text":
        return {"text": chat.text(part)}
    if role == "user" and part.type == "image_url":
        return _media(part, chat.address(part))
    if role == "user" and part.type == "file":
        data = mapping(part.value.get("file")).get("file_data")
        if not isinstance(data, str):
            raise BadRequest(f"Field '{part.where}.file.file_data' must be a string.")
        return _media(part, data)
    if role == "user" and part.type == "input_audio":
        sound = mapping(part.value.get("input_audio"))
        kind = f"audio/{string(sound.get('format'))}"
        return {"inlineData": {"mimeType": kind, "data": string(sound.get("data"))}}
    raise chat.unsupported(part, role, PROVIDER)


def _media(part: chat.Part, url: str) -> dict[str, Any]:
    """Data inside the request, or an address, of which Gemini must be told the type."""
    inside = chat.embedded(url)
    if inside is not None:
        return {"inlineData": {"mimeType": inside[0], "data": inside[1]}}
    kind, _ = mimetypes.guess_type(url.partition("?")[0])
    if kind is None or not url.startswith(("https://", "http://", "gs://")):
        raise BadRequest(
            f"Field '{part.where}': the address must be a data: address with base64, or one whose"
            " ending tells the type of the file."
        )
    return {"fileData": {"mimeType": kind, "fileUri": url}}
