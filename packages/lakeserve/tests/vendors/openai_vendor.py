"""OpenAI's models, as its API reference describes them."""

from typing import Any

import orjson
from providers import openai_schema
from vendors.answers import (
    ARGUMENTS,
    CALL_ID,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    Answer,
    Asked,
    answer,
    first_name,
    halves,
    vector,
)

CHAT = {"id": "chatcmpl-1", "created": 1700000000, "model": "vendor-model"}
USAGE = {
    "prompt_tokens": INPUT_TOKENS,
    "completion_tokens": OUTPUT_TOKENS,
    "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
}


def reply(path: str, body: dict[str, Any]) -> bytes | list[bytes]:
    """A whole answer, or the events of one."""
    if path == "/embeddings":
        return _embeddings(body)
    if path == "/completions":
        return _completion(body)
    if path == "/responses":
        return _response(body)
    return _chat(body)


def _event(value: object) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"


def understood(body: dict[str, Any]) -> Asked:
    """What a chat asks."""
    last = body["messages"][-1]
    content = last.get("content") or ""
    text = content if isinstance(content, str) else content[-1].get("text", content[-1]["type"])
    tools = None if body.get("tool_choice") == "none" else body.get("tools")
    return Asked(
        text=text,
        result=text if last["role"] == "tool" else None,
        tool=first_name(tools, "function", "name"),
        schema=body.get("response_format", {}).get("type") == "json_schema",
    )


def _chat(body: dict[str, Any]) -> bytes | list[bytes]:
    said = answer(understood(body))
    finish = "tool_calls" if said.tool else "stop"
    message: dict[str, Any] = {"role": "assistant", "content": said.text or None}
    if said.tool:
        message["tool_calls"] = [_call(said.tool, orjson.dumps(ARGUMENTS).decode())]
    if not body.get("stream"):
        choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
        whole = {**CHAT, "object": "chat.completion", "choices": [choice], "usage": USAGE}
        return orjson.dumps(whole)
    assert body.get("stream_options", {}).get("include_usage") is True
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": part} for part in halves(said.text)]
    if said.tool:
        deltas.append({"tool_calls": [{"index": 0, **_call(said.tool, "")}]})
        deltas += [
            {"tool_calls": [{"index": 0, "function": {"arguments": part}}]}
            for part in halves(orjson.dumps(ARGUMENTS).decode())
        ]
    chunk = {**CHAT, "object": "chat.completion.chunk", "usage": None}
    events = [
        {**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        for delta in deltas
    ]
    events.append({**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    events.append({**chunk, "choices": [], "usage": USAGE})
    return [*map(_event, events), b"data: [DONE]\n\n"]


def _call(name: str, arguments: str) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"id": CALL_ID, "type": "function", "function": function}


def _completion(body: dict[str, Any]) -> bytes | list[bytes]:
    prompt = body["prompt"] if isinstance(body["prompt"], str) else body["prompt"][0]
    text = answer(Asked(text=prompt)).text
    base = {**CHAT, "object": "text_completion"}
    if not body.get("stream"):
        choice = {"index": 0, "text": text, "finish_reason": "stop", "logprobs": None}
        return orjson.dumps({**base, "choices": [choice], "usage": USAGE})
    events: list[dict[str, Any]] = [
        {**base, "choices": [{"index": 0, "text": part, "finish_reason": None}]}
        for part in halves(text)
    ]
    events.append({**base, "choices": [{"index": 0, "text": "", "finish_reason": "stop"}]})
    events.append({**base, "choices": [], "usage": USAGE})
    return [*map(_event, events), b"data: [DONE]\n\n"]


def _embeddings(body: dict[str, Any]) -> bytes:
    given = body["input"] if isinstance(body["input"], list) else [body["input"]]
    data = [
        {"object": "embedding", "index": index, "embedding": vector(text)}
        for index, text in enumerate(given)
    ]
    usage = {"prompt_tokens": INPUT_TOKENS, "total_tokens": INPUT_TOKENS}
    return orjson.dumps({"object": "list", "data": data, "model": "m", "usage": usage})


def _response(body: dict[str, Any]) -> bytes | list[bytes]:
    said = answer(_asked_by_items(body))
    item = _item(said)
    whole = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1700000000,
        "status": "completed",
        "model": "vendor-model",
        "output": [item],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "text": body.get("text", {"format": {"type": "text"}}),
        "usage": {
            "input_tokens": INPUT_TOKENS,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": OUTPUT_TOKENS,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
        },
    }
    if not body.get("stream"):
        return orjson.dumps(whole)
    start = {**whole, "status": "in_progress", "output": [], "usage": None}
    events: list[dict[str, Any]] = [{"type": "response.created", "response": start}]
    events += _item_events(said, item)
    events.append({"type": "response.completed", "response": whole})
    return [
        f"event: {event['type']}\n".encode() + _event({**event, "sequence_number": number})
        for number, event in enumerate(events)
    ]


def _asked_by_items(body: dict[str, Any]) -> Asked:
    given = body["input"]
    last = {"role": "user", "content": given} if isinstance(given, str) else given[-1]
    if last.get("type") == "function_call_output":
        return Asked(result=last["output"])
    content = last["content"]
    text = content if isinstance(content, str) else content[-1]["text"]
    is_schema = body.get("text", {}).get("format", {}).get("type") == "json_schema"
    return Asked(text, tool=first_name(body.get("tools"), "name"), schema=is_schema)


def _item(said: Answer) -> dict[str, Any]:
    if said.tool:
        arguments = orjson.dumps(ARGUMENTS).decode()
        call = {"call_id": CALL_ID, "name": said.tool, "arguments": arguments}
        return {"type": "function_call", "id": "fc_1", "status": "completed", **call}
    part = {"type": "output_text", "text": said.text, "annotations": []}
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
    return {**message, "content": [part]}


def _item_events(said: Answer, item: dict[str, Any]) -> list[dict[str, Any]]:
    if said.tool:
        opened: dict[str, Any] = {**item, "arguments": "", "status": "in_progress"}
    else:
        opened = {**item, "content": [], "status": "in_progress"}
    place = {"item_id": item["id"], "output_index": 0}
    events: list[dict[str, Any]] = [
        {"type": "response.output_item.added", "output_index": 0, "item": opened}
    ]
    if said.tool:
        kind = "response.function_call_arguments"
        events += [
            {"type": f"{kind}.delta", **place, "delta": part} for part in halves(item["arguments"])
        ]
        events.append({"type": f"{kind}.done", **place, "arguments": item["arguments"]})
    else:
        place["content_index"] = 0
        part = {"type": "output_text", "text": "", "annotations": []}
        events.append({"type": "response.content_part.added", **place, "part": part})
        events += [
            {"type": "response.output_text.delta", **place, "delta": text}
            for text in halves(said.text)
        ]
        events.append({"type": "response.output_text.done", **place, "text": said.text})
        events.append({"type": "response.content_part.done", **place, "part": item["content"][0]})
    events.append({"type": "response.output_item.done", "output_index": 0, "item": item})
    return events


refusal = openai_schema.refusal
