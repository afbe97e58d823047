"""The stub's Responses API: as strict, over the same answers."""

from __future__ import annotations

from langchain_lakeserve._json import JSONObject, JSONValue

from strict_endpoint import chat
from strict_endpoint.refusal import check_keys, refuse

_BODY = (
    "instructions", "max_output_tokens", "temperature", "top_p", "stream", "tools", "tool_choice",
    "text", "include", "top_logprobs", "reasoning", "parallel_tool_calls", "metadata", "user",
)  # fmt: skip
_ITEMS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "message": (("role", "content"), ("id",)),
    "function_call": (("call_id", "name", "arguments"), ("id",)),
    "function_call_output": (("call_id", "output"), ("id",)),
    "reasoning": (("summary",), ("id", "encrypted_content")),
}
_PARTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "input_text": (("text",), ("cache_control",)),
    "input_image": (("image_url",), ("detail",)),
    "input_file": ((), ("filename", "file_data", "file_id")),
    "input_audio": (("input_audio",), ()),
    "output_text": (("text",), ("annotations",)),
    "refusal": (("refusal",), ()),
}


def answer(body: JSONObject) -> JSONObject:
    """Answer a request of the Responses API."""
    check_keys("the body", body, ["model", "input"], _BODY)
    messages: list[JSONObject] = []
    items = body["input"]
    for item in (
        [{"type": "message", "role": "user", "content": items}] if isinstance(items, str) else items
    ):
        messages.extend(_message(item))
    reply = chat.answer({"model": body["model"], "messages": messages, **_parameters(body)})
    choice = reply["choices"][0]
    usage = reply["usage"]
    return {
        "id": "resp_stub",
        "object": "response",
        "created_at": reply["created"],
        "model": reply["model"],
        "status": "completed",
        "output": _output(choice["message"]),
        "usage": {
            "input_tokens": usage["prompt_tokens"],
            "output_tokens": usage["completion_tokens"],
            "total_tokens": usage["total_tokens"],
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
    }


def events(reply: JSONObject) -> list[JSONObject]:
    """Cut a reply into the events of a stream."""
    start = {**reply, "status": "in_progress", "output": [], "usage": None}
    result: list[JSONObject] = [
        {"type": "response.created", "response": start},
        {"type": "response.in_progress", "response": start},
    ]
    for place, item in enumerate(reply["output"]):
        at = {"output_index": place, "item_id": item["id"]}
        bare = {**item, "arguments": ""} if item["type"] == "function_call" else item
        result.append({"type": "response.output_item.added", "item": bare, **at})
        result.extend(_deltas(item, at))
        result.append({"type": "response.output_item.done", "item": item, **at})
    result.append({"type": "response.completed", "response": reply})
    return result


def _deltas(item: JSONObject, at: JSONObject) -> list[JSONObject]:
    if item["type"] == "function_call":
        text = item["arguments"]
        middle = len(text) // 2
        kind = "response.function_call_arguments"
        return [
            *({"type": f"{kind}.delta", "delta": d, **at} for d in (text[:middle], text[middle:])),
            {"type": f"{kind}.done", "arguments": text, **at},
        ]
    if item["type"] == "message":
        text = item["content"][0]["text"]
        where = {**at, "content_index": 0}
        return [
            *(
                {"type": "response.output_text.delta", "delta": word, **where}
                for word in chat.words(text)
            ),
            {"type": "response.output_text.done", "text": text, **where},
        ]
    return [
        {"type": "response.reasoning_summary_text.delta", "delta": part["text"],
         "summary_index": number, **at}
        for number, part in enumerate(item["summary"])
    ]  # fmt: skip


def _output(message: JSONObject) -> list[JSONObject]:
    output: list[JSONObject] = []
    if message.get("content"):
        part = {"type": "output_text", "text": message["content"], "annotations": []}
        output.append(
            {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
             "content": [part]}
        )  # fmt: skip
    output.extend(
        {"type": "function_call", "id": f"fc_{call['id']}", "call_id": call["id"],
         "name": call["function"]["name"], "arguments": call["function"]["arguments"],
         "status": "completed"}
        for call in message.get("tool_calls") or ()
    )  # fmt: skip
    return output


def _message(item: JSONObject) -> list[JSONObject]:
    """Check an item and spell it as chat completions do."""
    kind = item.get("type")
    if kind not in _ITEMS:
        refuse(f"unknown item of type {kind!r}")
    check_keys(f"an item of type {kind}", item, ["type", *_ITEMS[kind][0]], _ITEMS[kind][1])
    if kind == "reasoning":
        return []
    if kind == "function_call":
        function = {"name": item["name"], "arguments": item["arguments"]}
        call = {"id": item["call_id"], "type": "function", "function": function}
        return [{"role": "assistant", "content": None, "tool_calls": [call]}]
    if kind == "function_call_output":
        return [
            {
                "role": "tool",
                "tool_call_id": item["call_id"],
                "content": _parts("tool", item["output"]),
            }
        ]
    return [{"role": item["role"], "content": _parts(item["role"], item["content"])}]


def _parts(role: str, content: JSONValue) -> JSONValue:
    if isinstance(content, str):
        return content
    parts: list[JSONObject] = []
    for part in content:
        kind = part.get("type")
        own = kind in {"output_text", "refusal"}
        if kind not in _PARTS or own is not (role == "assistant"):
            refuse(f"a message of {role} may not have content of type {kind!r}")
        check_keys(f"a part of type {kind}", part, ["type", *_PARTS[kind][0]], _PARTS[kind][1])
        text = part.get("text") or part.get("refusal") or f"({kind})"
        parts.append({"type": "text", "text": text})
    return parts


def _parameters(body: JSONObject) -> JSONObject:
    """Check parameters and spell them as chat completions do."""
    result: JSONObject = {}
    tools = body.get("tools") or []
    for tool in tools:
        check_keys("a tool", tool, ["type", "name"], ["description", "parameters", "strict"])
    if tools:
        result["tools"] = [
            {"type": "function", "function": {k: v for k, v in tool.items() if k != "type"}}
            for tool in tools
        ]
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        check_keys("tool_choice", choice, ["type", "name"], [])
        result["tool_choice"] = {"type": "function", "function": {"name": choice["name"]}}
    elif choice is not None:
        result["tool_choice"] = choice
    form = (body.get("text") or {}).get("format")
    if form is not None:
        check_keys("text.format", form, ["type"], ["name", "schema", "strict", "description"])
        result["response_format"] = {"type": form["type"], "json_schema": form}
    return result
