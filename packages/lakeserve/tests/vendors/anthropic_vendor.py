"""Claude, as Anthropic's API reference describes it."""

from typing import Any

import orjson
from vendors.answers import (
    ARGUMENTS,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    Answer,
    Asked,
    answer,
    first_name,
    halves,
)


def reply(body: dict[str, Any]) -> bytes | list[bytes]:
    """A whole answer, or the events of one."""
    said = answer(_understood(body))
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-vendor",
        "content": _blocks(said),
        "stop_reason": "tool_use" if said.tool else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS},
    }
    if not body.get("stream"):
        return orjson.dumps(message)
    return [
        f"event: {event['type']}\ndata: ".encode() + orjson.dumps(event) + b"\n\n"
        for event in _events(message, said)
    ]


def _understood(body: dict[str, Any]) -> Asked:
    content = body["messages"][-1]["content"]
    last = content if isinstance(content, str) else content[-1]
    result = None
    if isinstance(last, dict) and last["type"] == "tool_result":
        result = last["content"]
        result = result if isinstance(result, str) else result[0]["text"]
    tools = None if body.get("tool_choice", {}).get("type") == "none" else body.get("tools")
    return Asked(
        text=last if isinstance(last, str) else last.get("text", last["type"]),
        result=result,
        tool=first_name(tools, "name"),
        schema="format" in body.get("output_config", {}),
        thinking=body.get("thinking", {}).get("type") == "enabled",
    )


def _blocks(said: Answer) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if said.thought:
        blocks.append({"type": "thinking", "thinking": said.thought, "signature": "c2ln"})
    if said.tool:
        blocks.append({"type": "tool_use", "id": "toolu_1", "name": said.tool, "input": ARGUMENTS})
    else:
        blocks.append({"type": "text", "text": said.text})
    return blocks


def _events(message: dict[str, Any], said: Answer) -> list[dict[str, Any]]:
    start = {**message, "content": [], "stop_reason": None}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for index, block in enumerate(message["content"]):
        opened, deltas = _opened(block)
        events.append({"type": "content_block_start", "index": index, "content_block": opened})
        events += [{"type": "content_block_delta", "index": index, "delta": d} for d in deltas]
        events.append({"type": "content_block_stop", "index": index})
    end = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    used = {"output_tokens": OUTPUT_TOKENS}
    return [
        *events,
        {"type": "message_delta", "delta": end, "usage": used},
        {"type": "message_stop"},
    ]


def _opened(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    if block["type"] == "tool_use":
        written = halves(orjson.dumps(block["input"]).decode())
        deltas = [{"type": "input_json_delta", "partial_json": part} for part in written]
        return {**block, "input": {}}, deltas
    if block["type"] == "thinking":
        deltas = [{"type": "thinking_delta", "thinking": p} for p in halves(block["thinking"])]
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
        return {"type": "thinking", "thinking": "", "signature": ""}, deltas
    deltas = [{"type": "text_delta", "text": part} for part in halves(block["text"])]
    return {"type": "text", "text": ""}, deltas
