"""The stub's chat model: strict about what it takes, predictable in what it answers."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from langchain_lakeserve._json import JSONObject, JSONValue

from strict_endpoint.refusal import check_keys, refuse

_BODY = (
    "max_tokens", "temperature", "top_p", "stop", "n", "stream", "stream_options", "tools",
    "tool_choice", "response_format", "logprobs", "top_logprobs", "reasoning_effort",
    "parallel_tool_calls", "seed", "frequency_penalty", "presence_penalty", "user",
)  # fmt: skip
_ROLES: dict[str, tuple[str, ...]] = {
    "system": ("name",),
    "developer": ("name",),
    "user": ("name",),
    "assistant": ("name", "tool_calls", "refusal", "audio"),
    "tool": ("tool_call_id",),
}
_PARTS: dict[str, tuple[str, ...]] = {
    "text": ("text",),
    "image_url": ("image_url",),
    "input_audio": ("input_audio",),
    "file": ("file",),
    "refusal": ("refusal",),
}
_INNER: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "image_url": (("url",), ("detail",)),
    "input_audio": (("data", "format"), ()),
    "file": ((), ("filename", "file_data", "file_id")),
}


def answer(body: JSONObject) -> JSONObject:
    """Answer a chat request."""
    check_keys("the body", body, ["model", "messages"], _BODY)
    _check_messages(body["messages"])
    tools = _checked_tools(body)
    if "stream_options" in body:
        if not body.get("stream"):
            refuse("stream_options needs stream")
        check_keys("stream_options", body["stream_options"], [], ["include_usage"])
    message = _message(body, tools)
    finish = "tool_calls" if message.get("tool_calls") else "stop"
    choice: JSONObject = {"finish_reason": finish, "logprobs": None}
    if body.get("logprobs"):
        tokens = words(message["content"] or "")
        choice["logprobs"] = {
            "content": [{"token": word, "logprob": -0.5, "top_logprobs": []} for word in tokens]
        }
    prompt = sum(len(str(m.get("content")).split()) for m in body["messages"]) or 1
    completion = max(1, len(words(message["content"] or "")))
    return {
        "id": "chatcmpl-stub",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": body["model"],
        "choices": [
            {"index": index, "message": dict(message), **choice}
            for index in range(body.get("n") or 1)
        ],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        },
    }


def events(reply: JSONObject, body: JSONObject) -> list[JSONObject]:
    """Cut a reply into the events of a stream."""
    head = {key: reply[key] for key in ("id", "created", "model")}
    head["object"] = "chat.completion.chunk"
    wanted = (body.get("stream_options") or {}).get("include_usage")
    blank = {"usage": None} if wanted else {}
    result: list[JSONObject] = []
    for choice in reply["choices"]:
        for delta, logprobs in _deltas(choice):
            part = {"index": choice["index"], "delta": delta, "finish_reason": None}
            if logprobs:
                part["logprobs"] = logprobs
            result.append({**head, "choices": [part], **blank})
        end = {"index": choice["index"], "delta": {}, "finish_reason": choice["finish_reason"]}
        result.append({**head, "choices": [end], **blank})
    if wanted:
        result.append({**head, "choices": [], "usage": reply["usage"]})
    return result


def _deltas(choice: JSONObject) -> list[tuple[JSONObject, JSONValue]]:
    message = choice["message"]
    deltas: list[tuple[JSONObject, JSONValue]] = [({"role": "assistant", "content": ""}, None)]
    tokens = (choice.get("logprobs") or {}).get("content") or []
    for place, word in enumerate(words(message.get("content") or "")):
        logprobs = {"content": [tokens[place]]} if tokens else None
        deltas.append(({"content": word}, logprobs))
    for index, call in enumerate(message.get("tool_calls") or ()):
        start = {"index": index, "id": call["id"], "type": "function"}
        name, arguments = call["function"]["name"], call["function"]["arguments"]
        deltas.append(
            ({"tool_calls": [{**start, "function": {"name": name, "arguments": ""}}]}, None)
        )
        middle = len(arguments) // 2
        deltas.extend(
            ({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}, None)
            for piece in (arguments[:middle], arguments[middle:])
        )
    return deltas


def completion(model: str, body: JSONObject) -> JSONObject:
    """Answer a completions request."""
    allowed = ("max_tokens", "temperature", "stop", "n", "stream", "suffix", "echo")
    check_keys("the body", body, ["prompt"], allowed)
    text = complete_prompt({key: body[key] for key in ("prompt", "stop") if key in body})
    return {
        "id": "cmpl-stub",
        "object": "text_completion",
        "model": model,
        "choices": [
            {"index": index, "text": text, "finish_reason": "stop"}
            for index in range(body.get("n") or 1)
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
    }


def completion_events(reply: JSONObject) -> list[JSONObject]:
    """Cut a completion into the events of a stream."""
    head = {key: reply[key] for key in ("id", "object", "model")}
    return [
        {**head, "choices": [{"index": 0, "text": word, "finish_reason": None}]}
        for word in words(reply["choices"][0]["text"])
    ]


def complete_prompt(body: JSONObject) -> str:
    """Answer as a driver's app does: a prompt and perhaps where to stop."""
    if not isinstance(body.get("prompt"), str):
        refuse("prompt must be a text")
    text = f"You said: {body['prompt']} I am fine. Thank you!"
    ends = [at for word in body.get("stop") or () if (at := text.find(word)) >= 0]
    return text[: min(ends)] if ends else text


def predict(body: JSONObject) -> JSONObject:
    """Answer as a custom model does."""
    check_keys("the body", body, ["dataframe_records"], [])
    return {"predictions": [complete_prompt(record) for record in body["dataframe_records"]]}


# --- strictness ---------------------------------------------------------------------------


def _check_messages(messages: JSONValue) -> None:
    if not isinstance(messages, list) or not messages:
        refuse("messages must be a list that is not empty")
    asked: set[str] = set()
    for message in messages:
        role = message.get("role")
        if role not in _ROLES:
            refuse(f"unknown role {role!r}")
        check_keys(f"a message of {role}", message, ["role", "content"], _ROLES[role])
        calls = message.get("tool_calls")
        if message["content"] is None and not calls:
            refuse(f"a message of {role} has no content")
        _check_content(role, message["content"])
        for call in calls or ():
            check_keys("a tool call", call, ["id", "type", "function"], [])
            check_keys("a function", call["function"], ["name", "arguments"], [])
            json.loads(call["function"]["arguments"])
            asked.add(call["id"])
        if role == "tool" and message.get("tool_call_id") not in asked:
            refuse(f"tool_call_id {message.get('tool_call_id')!r} answers no tool call")


def _check_content(role: str, content: JSONValue) -> None:
    if content is None or isinstance(content, str):
        return
    if not isinstance(content, list) or not content:
        refuse("content must be a text or a list of parts")
    for part in content:
        kind = part.get("type")
        if kind not in _PARTS or (role == "assistant" and kind not in {"text", "refusal"}):
            refuse(f"a message of {role} may not have content of type {kind!r}")
        check_keys(f"a part of type {kind}", part, ["type", *_PARTS[kind]], ["cache_control"])
        if kind in _INNER:
            check_keys(kind, part[kind], *_INNER[kind])


def _checked_tools(body: JSONObject) -> list[JSONObject]:
    tools: list[JSONObject] = body.get("tools") or []
    for tool in tools:
        check_keys("a tool", tool, ["type", "function"], ["cache_control"])
        check_keys(
            "a function", tool["function"], ["name"], ["description", "parameters", "strict"]
        )
        if "$ref" in json.dumps(tool):
            refuse("schemas may not use $ref")
    choice = body.get("tool_choice")
    if choice is not None and not tools:
        refuse("tool_choice needs tools")
    if isinstance(choice, dict):
        check_keys("tool_choice", choice, ["type", "function"], [])
        check_keys("tool_choice.function", choice["function"], ["name"], [])
    elif choice not in {None, "auto", "none", "required"}:
        refuse(f"unknown tool_choice {choice!r}")
    return tools


# --- answers ------------------------------------------------------------------------------


def _message(body: JSONObject, tools: Sequence[JSONObject]) -> JSONObject:
    last = body["messages"][-1]
    said = _text_of(last["content"])
    form = (body.get("response_format") or {}).get("type")
    if form == "json_schema":
        schema = body["response_format"]["json_schema"]["schema"]
        return {"role": "assistant", "content": json.dumps(sample(schema, said))}
    if form == "json_object":
        text = json.dumps({"setup": "Why?", "punchline": "Because."})
        return {"role": "assistant", "content": text}
    chosen = _chosen_tools(body, tools, last)
    if chosen:
        calls = [
            {
                "id": f"call_{len(body['messages'])}_{index}",
                "type": "function",
                "function": {
                    "name": tool["function"]["name"],
                    "arguments": json.dumps(
                        sample(tool["function"].get("parameters") or {}, said),
                        ensure_ascii=False,
                    ),
                },
            }
            for index, tool in enumerate(chosen)
        ]
        return {"role": "assistant", "content": None, "tool_calls": calls}
    text = f"You said: {said}"
    stop = body.get("stop") or []
    for word in [stop] if isinstance(stop, str) else stop:
        text = text.split(word)[0]
    return {"role": "assistant", "content": text or "..."}


def _chosen_tools(
    body: JSONObject, tools: Sequence[JSONObject], last: JSONObject
) -> Sequence[JSONObject]:
    choice = body.get("tool_choice", "auto")
    if isinstance(choice, dict):
        name = choice["function"]["name"]
        return [tool for tool in tools if tool["function"]["name"] == name]
    if choice == "none" or (choice == "auto" and last["role"] == "tool"):
        return []
    return tools[:1]


def sample(schema: JSONObject, said: str) -> JSONValue:
    """Make up a value of a schema, with what was said where it fits."""
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return sample(schema["anyOf"][0], said)
    kind = schema.get("type", "object")
    if isinstance(kind, list):
        kind = kind[0]
    if kind == "object":
        properties = schema.get("properties") or {}
        required = schema.get("required", list(properties))
        return {name: sample(properties[name], said) for name in required if name in properties}
    if kind == "array":
        return [sample(schema.get("items") or {"type": "string"}, said)]
    number = re.search(r"\d+", said)
    values: JSONObject = {
        "integer": int(number.group()) if number else 1,
        "number": float(number.group()) if number else 1.0,
        "boolean": True,
        "null": None,
    }
    return values.get(kind, said or "text")


def _text_of(content: JSONValue) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content or () if part["type"] == "text")


def words(text: str) -> list[str]:
    """Cut a text into words that add up to it."""
    return re.findall(r"\s*\S+|\s+$", text)
