"""From a chat's whole answer to one of the Responses API. Pure.

Both are OpenAI's (their API reference, "The response object" and "The chat completion object").
"""

from collections.abc import Mapping
from typing import Any

from lakeserve.core.ids import now_ms, object_id
from lakeserve.providers.json_values import count, json_text, mapping, objects, reply_object, string

PROVIDER = "this endpoint's"

# What an answer says again of its request, with what holds where the request is silent.
ECHOED: Mapping[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "reasoning": {"effort": None, "summary": None},
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


def response(
    asked: Mapping[str, Any], model: str, identity: str, created: int, **more: Any
) -> dict[str, Any]:
    """A response; ``more`` holds what is known of it by now."""
    echoed = {
        name: usual if asked.get(name) is None else asked[name] for name, usual in ECHOED.items()
    }
    return {
        "id": identity,
        "object": "response",
        "created_at": created,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": model,
        "output": [],
        "previous_response_id": None,
        "store": False,
        "usage": None,
        **echoed,
        **more,
    }


def ending(finish_reason: object) -> dict[str, Any]:
    """The status of a response that is over."""
    reason = _INCOMPLETE.get(string(finish_reason))
    if reason is None:
        return {"status": "completed"}
    return {"status": "incomplete", "incomplete_details": {"reason": reason}}


def whole_response(asked: Mapping[str, Any], reply: bytes) -> bytes:
    """A caller's answer from a chat's.

    Raises:
        BadUpstream: The chat's is no JSON object, or nested too deep.
    """
    value = reply_object(reply, PROVIDER)
    choice = (objects(value.get("choices")) or [{}])[0]
    made = response(
        asked,
        string(value.get("model")),
        new_id("resp"),
        count(value.get("created")) or now_ms() // 1000,
        output=_items(mapping(choice.get("message")), mapping(choice.get("logprobs"))),
        usage=usage(mapping(value.get("usage"))),
        **ending(choice.get("finish_reason")),
    )
    return json_text(made, PROVIDER).encode()


def _items(message: Mapping[str, Any], logprobs: Mapping[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else objects(content)
    items = [thought_item(new_id("rs"), p) for p in parts if p.get("type") == "reasoning"]
    said = [
        text_part(string(part.get("text")), logprobs.get("content"))
        for part in parts
        if part.get("type") == "text" and part.get("text")
    ]
    if isinstance(message.get("refusal"), str):
        said.append(refusal_part(message["refusal"]))
    calls = objects(message.get("tool_calls"))
    if said or not (items or calls):
        items.append(message_item(new_id("msg"), said or [text_part("", None)], "completed"))
    return items + [call_item(new_id("fc"), call, "completed") for call in calls]


def new_id(kind: str) -> str:
    """A fresh id of an item or a response."""
    return f"{kind}_{object_id()}"


def message_item(identity: str, content: list[dict[str, Any]], status: str) -> dict[str, Any]:
    """What the model says."""
    return {
        "type": "message",
        "id": identity,
        "status": status,
        "role": "assistant",
        "content": content,
    }


def text_part(text: str, logprobs: object) -> dict[str, Any]:
    """A part of what the model says."""
    return {
        "type": "output_text",
        "text": text,
        "annotations": [],
        "logprobs": logprobs if isinstance(logprobs, list) else [],
    }


def refusal_part(text: str) -> dict[str, Any]:
    """That the model does not want to say it."""
    return {"type": "refusal", "refusal": text}


def call_item(identity: str, call: Mapping[str, Any], status: str) -> dict[str, Any]:
    """A call of a function; vendors' signatures stay with it."""
    function = mapping(call.get("function"))
    item = {
        "type": "function_call",
        "id": identity,
        "call_id": string(call.get("id")),
        "name": string(function.get("name")),
        "arguments": string(function.get("arguments")),
        "status": status,
    }
    extra = call.get("extra_content")
    return item if extra is None else {**item, "extra_content": extra}


def thought_item(identity: str, part: Mapping[str, Any]) -> dict[str, Any]:
    """A thought; a vendor's signature of it is what only the vendor can read."""
    summary = objects(part.get("summary"))
    sealed = string(part.get("encrypted_content"))
    for piece in summary:
        sealed = string(piece.get("signature")) or sealed
    return thought(identity, "".join(string(piece.get("text")) for piece in summary), sealed)


def thought(identity: str, text: str, sealed: str) -> dict[str, Any]:
    """A thought from its text and its seal, either of which may be empty."""
    item: dict[str, Any] = {"type": "reasoning", "id": identity, "summary": []}
    if text:
        item["summary"] = [{"type": "summary_text", "text": text}]
    return {**item, "encrypted_content": sealed} if sealed else item


def usage(given: Mapping[str, Any]) -> dict[str, Any] | None:
    """Usage in the words of the Responses API, or None where nobody counted."""
    if not given:
        return None
    prompt, generated = count(given.get("prompt_tokens")), count(given.get("completion_tokens"))
    cached = mapping(given.get("prompt_tokens_details")).get("cached_tokens")
    thought_tokens = mapping(given.get("completion_tokens_details")).get("reasoning_tokens")
    return {
        "input_tokens": prompt,
        "input_tokens_details": {
            "cached_tokens": count(cached),
            "cache_write_tokens": count(given.get("cache_creation_input_tokens")),
        },
        "output_tokens": generated,
        "output_tokens_details": {"reasoning_tokens": count(thought_tokens)},
        "total_tokens": count(given.get("total_tokens")) or prompt + generated,
    }
