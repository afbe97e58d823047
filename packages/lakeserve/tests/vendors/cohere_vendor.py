"""Cohere's models, as the reference of version 2 of its API describes them."""

from typing import Any

import orjson
from vendors.answers import (
    ARGUMENTS,
    CALL_ID,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    Asked,
    answer,
    first_name,
    halves,
    vector,
)

USAGE = {
    "billed_units": {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS},
    "tokens": {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS},
}


def reply(path: str, body: dict[str, Any]) -> bytes | list[bytes]:
    """A whole answer, or the events of one."""
    if path == "/v2/embed":
        vectors = [vector(text) for text in body["texts"]]
        meta = {"billed_units": {"input_tokens": INPUT_TOKENS}}
        return orjson.dumps({"id": "e1", "embeddings": {"float": vectors}, "meta": meta})
    said = answer(_understood(body))
    finish = "TOOL_CALL" if said.tool else "COMPLETE"
    call = {"id": CALL_ID, "type": "function", "function": {"name": said.tool, "arguments": ""}}
    written = orjson.dumps(ARGUMENTS).decode()
    if not body["stream"]:
        message: dict[str, Any] = {"role": "assistant"}
        if said.tool:
            function = {"name": said.tool, "arguments": written}
            message["tool_calls"] = [{**call, "function": function}]
        else:
            message["content"] = [{"type": "text", "text": said.text}]
        whole = {"id": "c1", "message": message, "finish_reason": finish, "usage": USAGE}
        return orjson.dumps(whole)
    events: list[dict[str, Any]] = [
        {"type": "message-start", "id": "c1", "delta": {"message": {"role": "assistant"}}}
    ]
    if said.tool:
        events.append({"type": "tool-call-start", "index": 0, "delta": _delta(tool_calls=call)})
        for part in halves(written):
            some = {"function": {"arguments": part}}
            events.append({"type": "tool-call-delta", "index": 0, "delta": _delta(tool_calls=some)})
        events.append({"type": "tool-call-end", "index": 0})
    else:
        empty = {"type": "text", "text": ""}
        events.append({"type": "content-start", "index": 0, "delta": _delta(content=empty)})
        events += [
            {"type": "content-delta", "index": 0, "delta": _delta(content={"text": part})}
            for part in halves(said.text)
        ]
        events.append({"type": "content-end", "index": 0})
    end = {"finish_reason": finish, "usage": USAGE}
    events.append({"type": "message-end", "id": "c1", "delta": end})
    return [
        f"event: {event['type']}\ndata: ".encode() + orjson.dumps(event) + b"\n\n"
        for event in events
    ]


def _delta(**message: object) -> dict[str, Any]:
    return {"message": message}


def _understood(body: dict[str, Any]) -> Asked:
    last = body["messages"][-1]
    content = last["content"]
    text = content if isinstance(content, str) else content[-1].get("text", content[-1]["type"])
    tools = None if body.get("tool_choice") == "NONE" else body.get("tools")
    return Asked(
        text=text,
        result=text if last["role"] == "tool" else None,
        tool=first_name(tools, "function", "name"),
        schema="json_schema" in body.get("response_format", {}),
    )
