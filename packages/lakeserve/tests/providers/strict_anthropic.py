"""A server that speaks Anthropic's messages strictly and answers with what it was told."""

from collections.abc import Iterable
from typing import Any

import orjson
from gateway.strict_upstream import LAST_CHUNK, Seen, Step, chunk, chunked_head, whole
from providers.anthropic_schema import refusal

KEY = "sk-ant-very-secret"
MODEL = "claude-e2e"


def script(seen: Seen) -> Iterable[Step]:
    """Echo the last text; call the first tool unless its result is there."""
    wrong = refusal(seen.target.removeprefix("/v1"), seen.headers, seen.body)
    if wrong is not None:
        return [whole(*wrong)]
    if seen.headers["x-api-key"] != KEY:
        error = {"type": "authentication_error", "message": "invalid x-api-key"}
        return [whole(401, orjson.dumps({"type": "error", "error": error}))]
    body = seen.json()
    block = _block(body)
    message = {
        "id": "msg_e2e",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [block],
        "stop_reason": "tool_use" if block["type"] == "tool_use" else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 11, "output_tokens": 7},
    }
    if body.get("stream"):
        return _events(message, block)
    return [whole(200, orjson.dumps(message))]


def _block(body: dict[str, Any]) -> dict[str, Any]:
    content = body["messages"][-1]["content"]
    last = content if isinstance(content, str) else content[-1]
    if isinstance(last, dict) and last["type"] == "tool_result":
        return {"type": "text", "text": f"The tool says {last['content']}."}
    if body.get("tools") and body.get("tool_choice", {}).get("type") != "none":
        name = body["tools"][0]["name"]
        return {"type": "tool_use", "id": "toolu_1", "name": name, "input": {"city": "Zürich"}}
    text = last if isinstance(last, str) else last.get("text", last["type"])
    return {"type": "text", "text": f"You said: {text}"}


def _events(message: dict[str, Any], block: dict[str, Any]) -> list[Step]:
    start = {**message, "content": [], "stop_reason": None}
    if block["type"] == "tool_use":
        opened: dict[str, Any] = {**block, "input": {}}
        written = orjson.dumps(block["input"]).decode()
        deltas = [{"type": "input_json_delta", "partial_json": part} for part in halves(written)]
    else:
        opened = {"type": "text", "text": ""}
        deltas = [{"type": "text_delta", "text": part} for part in halves(block["text"])]
    end = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": opened},
        {"type": "ping"},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": end, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
    ]
    written_events = (
        b"event: %b\ndata: %b\n\n" % (str(event["type"]).encode(), orjson.dumps(event))
        for event in events
    )
    return [chunked_head(), *map(chunk, written_events), LAST_CHUNK]


def halves(text: str) -> tuple[str, str]:
    """A text in two parts."""
    middle = len(text) // 2
    return text[:middle], text[middle:]
