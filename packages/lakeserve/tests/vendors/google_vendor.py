"""Gemini, Claude, Llama and embeddings on Vertex AI; PaLM as it was."""

from typing import Any

import orjson
from vendors import anthropic_vendor, openai_vendor
from vendors.answers import (
    ARGUMENTS,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    Asked,
    answer,
    first_name,
    halves,
    vector,
)

USAGE = {
    "promptTokenCount": INPUT_TOKENS,
    "candidatesTokenCount": OUTPUT_TOKENS,
    "totalTokenCount": INPUT_TOKENS + OUTPUT_TOKENS,
}


def reply(path: str, body: dict[str, Any]) -> bytes | list[bytes]:
    """A whole answer, or the events of one."""
    if path.startswith("/publishers/anthropic/"):
        return anthropic_vendor.reply(body)
    if path.startswith("/endpoints/openapi/"):
        return openai_vendor.reply("/chat/completions", body)
    if path.endswith(":predict"):
        found = [
            {"values": vector(each["content"]), "statistics": {"token_count": 1}}
            for each in body["instances"]
        ]
        return orjson.dumps({"predictions": [{"embeddings": each} for each in found]})
    return _gemini(body, is_stream="stream" in path)


def _gemini(body: dict[str, Any], *, is_stream: bool) -> bytes | list[bytes]:
    said = answer(_understood(body))
    parts: list[dict[str, Any]] = []
    if said.tool:
        call = {"name": said.tool, "args": ARGUMENTS}
        parts.append({"functionCall": call, "thoughtSignature": "c2ln"})
    else:
        parts += [{"text": part} for part in halves(said.text)]
    if not is_stream:
        return orjson.dumps(_reply(parts, finishReason="STOP") | {"usageMetadata": USAGE})
    events = [_reply([part]) for part in parts]
    events.append(_reply([{"text": ""}], finishReason="STOP") | {"usageMetadata": USAGE})
    return [b"data: " + orjson.dumps(event) + b"\r\n\r\n" for event in events]


def _reply(parts: list[dict[str, Any]], **more: str) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": parts}, **more}
    return {"candidates": [candidate], "modelVersion": "gemini-vendor", "responseId": "r1"}


def _understood(body: dict[str, Any]) -> Asked:
    last = body["contents"][-1]["parts"][-1]
    result = last.get("functionResponse", {}).get("response", {}).get("result")
    mode = body.get("toolConfig", {}).get("functionCallingConfig", {}).get("mode")
    tools = None if mode == "NONE" else body.get("tools")
    return Asked(
        text=last.get("text", ""),
        result=result,
        tool=first_name(tools, "functionDeclarations", "name"),
        schema="responseJsonSchema" in body.get("generationConfig", {}),
    )


def palm_reply(path: str, body: dict[str, Any]) -> bytes:
    """A whole answer of PaLM, which has no streams."""
    if path.endswith(":batchEmbedText"):
        return orjson.dumps({"embeddings": [{"value": vector(text)} for text in body["texts"]]})
    if path.endswith(":generateText"):
        said = answer(Asked(text=body["prompt"]["text"])).text
        return orjson.dumps({"candidates": [{"output": said}]})
    said = answer(Asked(text=body["prompt"]["messages"][-1]["content"])).text
    return orjson.dumps({"candidates": [{"author": "1", "content": said}]})
