"""Prompts to the requests of each kind of endpoint, and their replies to texts; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from langchain_lakeserve._content import content_from_wire
from langchain_lakeserve._json import JSONObject, JSONValue, encode_text
from langchain_lakeserve.errors import EmptyReplyError

CHAT_TASKS = frozenset({"llm/v1/chat", "agent/v1/chat", "agent/v2/chat"})
COMPLETION_TASKS = frozenset({"llm/v1/completions"})
RESPONSES_TASK = "agent/v1/responses"
_SCORING_KEYS = ("dataframe_records", "dataframe_split", "instances", "inputs")


def task_of(endpoint: JSONValue) -> str | None:
    """Find the task in the description of an endpoint; None for a custom model."""
    if not isinstance(endpoint, dict):
        return None
    if isinstance(task := endpoint.get("task"), str) and task:
        return task
    config = endpoint.get("config") or {}
    for entity in config.get("served_entities") or config.get("served_models") or ():
        external = entity.get("external_model") or {}
        task = external.get("task") or entity.get("task")
        if isinstance(task, str) and task:
            return task
    return None


def speaks_openai(task: str | None) -> bool:
    """Say whether endpoints of this task take OpenAI's parameters."""
    return task in CHAT_TASKS or task in COMPLETION_TASKS


def serving_body(request: Mapping[str, JSONValue], task: str | None) -> JSONObject:
    """Put a request into the form that endpoints of a task take.

    Args:
        request: ``prompt``, perhaps ``stop``, and parameters; or, from a transform function,
            whatever the endpoint takes.
        task: The endpoint's task; None for a custom model.
    """
    body = dict(request)
    if task in COMPLETION_TASKS:
        return body
    if task in CHAT_TASKS:
        if "messages" not in body and "prompt" in body:
            body["messages"] = [{"role": "user", "content": body.pop("prompt")}]
        return body
    if task == RESPONSES_TASK:
        if "input" not in body and "prompt" in body:
            body["input"] = [{"role": "user", "content": body.pop("prompt")}]
        return body
    if any(key in body for key in _SCORING_KEYS):
        return body
    return {"dataframe_records": [body]}


def serving_texts(reply: JSONValue, task: str | None) -> list[str]:
    """Read the texts of a reply: several if several were asked for.

    Raises:
        EmptyReplyError: There is none.
    """
    if not isinstance(reply, dict):
        return [as_text(reply)]
    if "choices" in reply:
        texts = [_choice_text(choice) for choice in reply["choices"] or ()]
    elif "predictions" in reply:
        texts = [as_text(prediction(reply))]
    elif isinstance(reply.get("messages"), list):
        texts = [as_text(message.get("content")) for message in reply["messages"][-1:]]
    elif isinstance(reply.get("output"), list):
        texts = ["".join(_output_texts(reply["output"]))]
    else:
        texts = [as_text(reply)]
    if not texts:
        raise EmptyReplyError("the endpoint answered without any choice")
    return texts


def prediction(reply: JSONValue) -> JSONValue:
    """Return the first prediction of a custom model's reply."""
    predictions = reply.get("predictions") if isinstance(reply, dict) else reply
    if isinstance(predictions, list):
        if not predictions:
            raise EmptyReplyError("the endpoint answered without any prediction")
        return predictions[0]
    return predictions


def as_text(value: JSONValue) -> str:
    """Return a text as it is, what holds one text as that text, and anything else as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        candidates = value.get("candidates")
        if isinstance(candidates, list) and candidates:
            return as_text(candidates[0])
        for key in ("text", "generated_text", "content"):
            if isinstance(value.get(key), str):
                return str(value[key])
    if isinstance(value, list) and len(value) == 1:
        return as_text(value[0])
    return "" if value is None else encode_text(value)


def event_text(event: JSONObject) -> str:
    """Return the text that an event of a stream adds."""
    choices = event.get("choices")
    if not choices:
        delta = event.get("delta")
        return _plain(delta.get("content")) if isinstance(delta, dict) else ""
    choice = choices[0]
    if choice.get("index"):
        return ""
    return choice.get("text") or _plain((choice.get("delta") or {}).get("content"))


def _choice_text(choice: JSONObject) -> str:
    if "text" in choice:
        return choice["text"] or ""
    return _plain((choice.get("message") or {}).get("content"))


def _plain(content: JSONValue) -> str:
    blocks = content_from_wire(content)
    if isinstance(blocks, str):
        return blocks
    return "".join(block if isinstance(block, str) else block.get("text") or "" for block in blocks)


def _output_texts(output: Sequence[JSONObject]) -> list[str]:
    return [
        part.get("text") or ""
        for item in output
        if item.get("type") == "message"
        for part in item.get("content") or ()
        if part.get("type") == "output_text"
    ]
