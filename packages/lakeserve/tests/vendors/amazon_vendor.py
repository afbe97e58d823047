"""Amazon Bedrock, as its API reference describes it; and AI21's own API."""

import base64
from typing import Any

import orjson
from providers import aws_frames
from vendors.answers import (
    ARGUMENTS,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    Answer,
    Asked,
    answer,
    first_name,
    halves,
    vector,
)

USAGE = {
    "inputTokens": INPUT_TOKENS,
    "outputTokens": OUTPUT_TOKENS,
    "totalTokens": INPUT_TOKENS + OUTPUT_TOKENS,
}
METRICS = {
    "amazon-bedrock-invocationMetrics": {
        "inputTokenCount": INPUT_TOKENS,
        "outputTokenCount": OUTPUT_TOKENS,
    }
}


def reply(path: str, body: dict[str, Any]) -> bytes | list[bytes]:
    """A whole answer, or the messages of a stream."""
    if path.endswith("/converse"):
        said = answer(_understood(body))
        message = {"role": "assistant", "content": _blocks(said)}
        reason = "tool_use" if said.tool else "end_turn"
        whole = {"output": {"message": message}, "stopReason": reason, "usage": USAGE}
        return orjson.dumps({**whole, "metrics": {"latencyMs": 1}})
    if path.endswith("/converse-stream"):
        return _stream(answer(_understood(body)))
    return _invoke(path, body)


def _understood(body: dict[str, Any]) -> Asked:
    last = body["messages"][-1]["content"][-1]
    result = last["toolResult"]["content"][0]["text"] if "toolResult" in last else None
    fields = body.get("additionalModelRequestFields", {})
    return Asked(
        text=last.get("text", next(iter(last))),
        result=result,
        tool=first_name(body.get("toolConfig", {}).get("tools"), "toolSpec", "name"),
        schema="textFormat" in body.get("outputConfig", {}),
        thinking=fields.get("thinking", {}).get("type") == "enabled",
    )


def _blocks(said: Answer) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if said.thought:
        text = {"text": said.thought, "signature": "c2ln"}
        blocks.append({"reasoningContent": {"reasoningText": text}})
    if said.tool:
        use = {"toolUseId": "tooluse_1", "name": said.tool, "input": ARGUMENTS}
        blocks.append({"toolUse": use})
    else:
        blocks.append({"text": said.text})
    return blocks


def _stream(said: Answer) -> list[bytes]:
    events: list[tuple[str, dict[str, Any]]] = [("messageStart", {"role": "assistant"})]
    index = 0
    if said.thought:
        deltas = [{"reasoningContent": {"text": part}} for part in halves(said.thought)]
        deltas.append({"reasoningContent": {"signature": "c2ln"}})
        events += _deltas(index, deltas)
        index += 1
    if said.tool:
        start = {"toolUse": {"toolUseId": "tooluse_1", "name": said.tool}}
        events.append(("contentBlockStart", {"contentBlockIndex": index, "start": start}))
        written = halves(orjson.dumps(ARGUMENTS).decode())
        events += _deltas(index, [{"toolUse": {"input": part}} for part in written])
    else:
        events += _deltas(index, [{"text": part} for part in halves(said.text)])
    reason = "tool_use" if said.tool else "end_turn"
    events.append(("messageStop", {"stopReason": reason}))
    events.append(("metadata", {"usage": USAGE, "metrics": {"latencyMs": 1}}))
    return [aws_frames.event(name, orjson.dumps(value)) for name, value in events]


def _deltas(index: int, deltas: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    return [
        *(("contentBlockDelta", {"contentBlockIndex": index, "delta": d}) for d in deltas),
        ("contentBlockStop", {"contentBlockIndex": index}),
    ]


def _invoke(path: str, body: dict[str, Any]) -> bytes | list[bytes]:
    if "titan-embed" in path:
        found = {"embedding": vector(body["inputText"]), "inputTextTokenCount": INPUT_TOKENS}
        return orjson.dumps(found)
    if "cohere.embed" in path:
        vectors = [vector(text) for text in body["texts"]]
        return orjson.dumps({"embeddings": vectors, "response_type": "embeddings_floats"})
    text = answer(Asked(text=body["inputText"])).text
    if path.endswith("/invoke"):
        result = {"tokenCount": OUTPUT_TOKENS, "outputText": text, "completionReason": "FINISH"}
        return orjson.dumps({"inputTextTokenCount": INPUT_TOKENS, "results": [result]})
    parts: list[dict[str, Any]] = [
        {"outputText": part, "completionReason": None} for part in halves(text)
    ]
    parts[-1] |= {"completionReason": "FINISH", **METRICS}
    wrapped = [{"bytes": base64.b64encode(orjson.dumps(part)).decode()} for part in parts]
    return [aws_frames.event("chunk", orjson.dumps(part)) for part in wrapped]


def ai21_reply(body: dict[str, Any]) -> bytes:
    """A completion of AI21's own API, which has no streams."""
    text = answer(Asked(text=body["prompt"])).text
    tokens: list[dict[str, Any]] = [{}] * OUTPUT_TOKENS
    found = {"data": {"text": text, "tokens": tokens}, "finishReason": {"reason": "endoftext"}}
    prompt = {"text": body["prompt"], "tokens": [{}] * INPUT_TOKENS}
    return orjson.dumps({"id": "a1", "prompt": prompt, "completions": [found]})
