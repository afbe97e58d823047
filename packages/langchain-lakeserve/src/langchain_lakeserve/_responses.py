"""LangChain messages to and from the JSON of the Responses API; pure.

Chat completions know messages; the Responses API knows items: messages, tool calls, results
and thoughts stand side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_lakeserve._content import part_from_wire, parts_to_wire
from langchain_lakeserve._json import JSONObject, JSONValue
from langchain_lakeserve._messages import (
    DEVELOPER_KEY,
    Replay,
    messages_to_wire,
    tool_calls_from_wire,
)

MOST_ID = 64
"""Endpoints refuse longer item ids."""


def items_to_wire(messages: Iterable[BaseMessage], replay: Replay = "signed") -> list[JSONObject]:
    """Translate messages into the items of a request.

    Raises:
        ValueError: A message or a part of it has no place in a request.
    """
    items: list[JSONObject] = []
    for message in messages:
        if isinstance(message, AIMessage):
            items.extend(_assistant_items(message, replay))
        else:
            # The chat form settles what a message means; only its spelling differs here.
            items.extend(_item(wire) for wire in messages_to_wire([message]))
    return items


def _item(wire: JSONObject) -> JSONObject:
    content = wire["content"]
    if wire["role"] == "tool":
        output = content if isinstance(content, str) else _input_parts(content)
        return {
            "type": "function_call_output",
            "call_id": wire["tool_call_id"],
            "output": output,
        }
    said = content if isinstance(content, str) else _input_parts(content)
    return {"type": "message", "role": wire["role"], "content": said}


def _input_parts(parts: Sequence[JSONObject]) -> list[JSONObject]:
    return [_input_part(part) for part in parts]


def _input_part(part: JSONObject) -> JSONObject:
    kind = part.get("type")
    marker = {"cache_control": part["cache_control"]} if "cache_control" in part else {}
    if kind == "text":
        return {"type": "input_text", "text": part["text"], **marker}
    if kind == "image_url":
        image = part["image_url"]
        detail = {"detail": image["detail"]} if "detail" in image else {}
        return {"type": "input_image", "image_url": image["url"], **detail, **marker}
    if kind == "file":
        return {"type": "input_file", **part["file"], **marker}
    return part  # input_audio is the same here, and an endpoint's own parts pass


def _assistant_items(message: AIMessage, replay: Replay) -> Iterator[JSONObject]:
    (wire,) = messages_to_wire([message.model_copy(update={"content": ""})], "none")
    content = message.content
    blocks = [content] if isinstance(content, str) else content
    texts: list[JSONObject] = []
    for block in _with_joined_reasoning(blocks):
        if isinstance(block, dict) and block.get("type") == "reasoning":
            if replay == "all" or (replay == "signed" and _is_own(block)):
                yield _reasoning_item(block)
        elif isinstance(block, dict) and block.get("type") == "non_standard":
            yield dict(block["value"])
        elif block:
            texts.extend(_output_parts(block))
    if refusal := wire.get("refusal"):
        texts.append({"type": "refusal", "refusal": refusal})
    if texts:
        yield {"type": "message", "role": "assistant", "content": texts}
    for call in wire.get("tool_calls") or ():
        yield {
            "type": "function_call",
            "call_id": call["id"],
            "name": call["function"]["name"],
            "arguments": call["function"]["arguments"],
        }


def _output_parts(block: JSONValue) -> Iterator[JSONObject]:
    for part in parts_to_wire([block]):
        if part["type"] == "text":
            yield {"type": "output_text", "text": part["text"]}
        elif part["type"] == "refusal":
            yield part


def _is_own(block: JSONObject) -> bool:
    """Say whether thoughts came from the Responses API, which alone gives them such ids."""
    return str(block.get("id", "")).startswith("rs_")


def _with_joined_reasoning(blocks: Sequence[JSONValue]) -> Iterator[JSONValue]:
    """Put the blocks of one reasoning item together again: only the first one has the id."""
    joined: JSONObject | None = None
    for block in blocks:
        if isinstance(block, dict) and block.get("type") == "reasoning":
            text = block.get("reasoning") or ""
            if joined is not None and not block.get("id"):
                joined["texts"].append(text)
                continue
            if joined is not None:
                yield joined
            joined = {**block, "texts": [text] if text else []}
            continue
        if joined is not None:
            yield joined
            joined = None
        yield block
    if joined is not None:
        yield joined


def _reasoning_item(block: JSONObject) -> JSONObject:
    item: JSONObject = {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": text} for text in block["texts"]],
    }
    if block.get("id"):
        item["id"] = str(block["id"])[:MOST_ID]
    encrypted = (block.get("extras") or {}).get("encrypted_content")
    if encrypted:
        item["encrypted_content"] = encrypted
    return item


# --- from the wire ------------------------------------------------------------------------


def messages_from_items(items: Iterable[JSONObject]) -> list[BaseMessage]:
    """Translate the items of a request or reply; neighbouring ones of the model are one message."""
    messages: list[BaseMessage] = []
    own: list[JSONObject] = []

    def settle() -> None:
        if own:
            messages.append(assistant_from_items(own))
            own.clear()

    for item in items:
        other = _foreign_message(item)
        if other is None:
            own.append(item)
        else:
            settle()
            messages.append(other)
    settle()
    return messages


def _foreign_message(item: JSONObject) -> BaseMessage | None:
    """Translate an item that is not the model's."""
    if item.get("type") == "function_call_output":
        output = _content_from_parts(item.get("output"))
        return ToolMessage(content=output, tool_call_id=item["call_id"])
    role = item.get("role")
    if role in {None, "assistant"}:
        return None
    content = _content_from_parts(item.get("content"))
    if role == "user":
        return HumanMessage(content=content)
    if role == "system":
        return SystemMessage(content=content)
    if role == "developer":
        return SystemMessage(content=content, additional_kwargs={DEVELOPER_KEY: "developer"})
    return ChatMessage(content=content, role=str(role))


def _content_from_parts(content: JSONValue) -> str | list[str | JSONObject]:
    if isinstance(content, str):
        return content
    return [block for part in content or () for block in part_from_wire(_chat_part(part))]


def _chat_part(part: JSONObject) -> JSONObject:
    """Spell an input part as chat completions do."""
    kind = part.get("type")
    rest = {key: value for key, value in part.items() if key not in {"type", "cache_control"}}
    marker = {"cache_control": part["cache_control"]} if "cache_control" in part else {}
    if kind == "input_text":
        return {"type": "text", **rest, **marker}
    if kind == "input_image":
        image = {"url": rest.pop("image_url", ""), **rest}
        return {"type": "image_url", "image_url": image, **marker}
    if kind == "input_file":
        return {"type": "file", "file": rest, **marker}
    return part


def assistant_from_items(items: Iterable[JSONObject]) -> AIMessage:
    """Translate the model's items into one message whose content is a list of blocks."""
    blocks: list[str | JSONObject] = []
    calls: list[JSONObject] = []
    refusal = ""
    items = list(items)
    # Calls that an agent has run itself: nobody shall run them again.
    answered = {i.get("call_id") for i in items if i.get("type") == "function_call_output"}
    for item in items:
        if item.get("type") == "function_call" and item.get("call_id") not in answered:
            calls.append(chat_call(item))
            continue
        blocks.extend(blocks_of_item(item))
        refusal += refusal_of(item)
    good, bad = tool_calls_from_wire(calls)
    return AIMessage(
        content=blocks,
        tool_calls=good,
        invalid_tool_calls=bad,
        additional_kwargs={"refusal": refusal} if refusal else {},
    )


def chat_call(item: JSONObject) -> JSONObject:
    """Spell a function_call item as chat completions do."""
    function = {"name": item.get("name"), "arguments": item.get("arguments")}
    return {"id": item.get("call_id") or item.get("id"), "function": function}


def blocks_of_item(item: JSONObject) -> list[JSONObject]:
    """Translate an item of the model other than a tool call."""
    kind = item.get("type")
    if kind == "message" or (kind is None and item.get("role") == "assistant"):
        content = item.get("content")
        parts = [{"type": "output_text", "text": content}] if isinstance(content, str) else content
        return [
            text_block(part) for part in parts or () if part.get("type") in {"output_text", "text"}
        ]
    if kind == "reasoning":
        return reasoning_blocks(item)
    return [{"type": "non_standard", "value": dict(item)}]


def refusal_of(item: JSONObject) -> str:
    """Return the refusal in a message item."""
    content = item.get("content")
    if item.get("type") != "message" or not isinstance(content, list):
        return ""
    return "".join(part.get("refusal") or "" for part in content if part.get("type") == "refusal")


def text_block(part: JSONObject) -> JSONObject:
    """Translate an output_text part."""
    block: JSONObject = {"type": "text", "text": part.get("text") or ""}
    if annotations := part.get("annotations"):
        block["annotations"] = [annotation_block(one) for one in annotations]
    return block


def annotation_block(annotation: JSONObject) -> JSONObject:
    """Translate an annotation into LangChain's citation, or keep it as it is."""
    if annotation.get("type") != "url_citation":
        return {"type": "non_standard_annotation", "value": dict(annotation)}
    names = ("url", "title", "start_index", "end_index")
    return {"type": "citation", **{n: annotation[n] for n in names if n in annotation}}


def reasoning_blocks(item: JSONObject) -> list[JSONObject]:
    """Translate a reasoning item: one block for each piece, the first one with the id."""
    pieces = item.get("summary") or item.get("content") or []
    blocks: list[JSONObject] = [
        {"type": "reasoning", "reasoning": piece.get("text") or ""} for piece in pieces
    ] or [{"type": "reasoning", "reasoning": ""}]
    blocks[0].update(reasoning_identity(item))
    return blocks


def reasoning_identity(item: Mapping[str, JSONValue]) -> JSONObject:
    """Collect what the endpoint needs to recognise its thoughts."""
    identity: JSONObject = {}
    if item.get("id"):
        identity["id"] = item["id"]
    if item.get("encrypted_content"):
        identity["extras"] = {"encrypted_content": item["encrypted_content"]}
    return identity
