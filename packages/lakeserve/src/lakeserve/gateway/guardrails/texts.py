"""The texts in a request and in an answer, to be read or to be exchanged. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from lakeserve.core.errors import BadRequest
from lakeserve.providers.base import Operation

Change = Callable[[str], str]

# Fields of a message and of its parts that hold text, or parts that do.
_TEXTS = frozenset(
    {"text", "content", "summary", "refusal", "reasoning", "reasoning_content", "thinking"}
)
# Fields of a request that say how to answer; a mask inside a schema would break it.
_FORMS = frozenset(
    {"model", "tools", "tool_choice", "functions", "function_call", "response_format", "stop"}
)
_PROMPTS: Mapping[Operation, str] = {"completions": "prompt", "embeddings": "input"}


def changed_question(operation: Operation, body: Mapping[str, Any], change: Change) -> Any:
    """A request with each of its texts exchanged.

    Raises:
        BadRequest: It holds token ids, which nobody here can read.
    """
    prompt = _PROMPTS.get(operation)
    return {
        name: value
        if name in _FORMS
        else _prompt(value, name, change)
        if name == prompt
        else _messages(value, change)
        if name == "messages"
        else _deep(value, change)
        for name, value in body.items()
    }


def changed_answer(body: Mapping[str, Any], change: Change) -> dict[str, Any]:
    """An answer with each of its texts exchanged.

    Log probabilities spell the text, so a changed choice loses its own.
    """
    choices = body.get("choices")
    if not isinstance(choices, list):
        return dict(body)
    return {**body, "choices": [_choice(choice, change) for choice in choices]}


def changed_message(message: Any, change: Change) -> Any:
    """A message, or a part of one that came as an event, with each of its texts exchanged."""
    if not isinstance(message, dict):
        return message
    shown = _parts(message, change)
    if isinstance(calls := message.get("tool_calls"), list):
        shown["tool_calls"] = [_call(call, change) for call in calls]
    if isinstance(call := message.get("function_call"), dict):
        shown["function_call"] = _with_arguments(call, change)
    return shown


def question_texts(operation: Operation, body: Mapping[str, Any]) -> list[str]:
    """The texts of a request, in order.

    Raises:
        BadRequest: It holds token ids.
    """
    return read_texts(lambda change: changed_question(operation, body, change))


def answer_texts(body: Mapping[str, Any]) -> list[str]:
    """The texts of an answer, in order."""
    return read_texts(lambda change: changed_answer(body, change))


def changed_arguments(text: str, change: Change) -> str:
    """The arguments of a tool's call: JSON stays JSON."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return change(text)
    exchanged = _deep(value, change)
    return text if exchanged == value else orjson.dumps(exchanged).decode()


def read_texts(visit: Callable[[Change], object]) -> list[str]:
    """The texts that a visitor would exchange."""
    texts: list[str] = []

    def keep(text: str) -> str:
        texts.append(text)
        return text

    visit(keep)
    return texts


def _messages(value: Any, change: Change) -> Any:
    if not isinstance(value, list):
        return value
    return [changed_message(message, change) for message in value]


def _prompt(value: Any, field: str, change: Change) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list) and all(isinstance(text, str) for text in value):
        return [change(text) for text in value]
    raise BadRequest(
        f"Field '{field}' holds token ids, which the guardrails of this endpoint cannot read;"
        " accepted: a string or a list of strings."
    )


def _choice(choice: Any, change: Change) -> Any:
    if not isinstance(choice, dict):
        return choice
    shown = dict(choice)
    if isinstance(text := choice.get("text"), str):
        shown["text"] = change(text)
    if "message" in choice:
        shown["message"] = changed_message(choice["message"], change)
    if shown != choice and choice.get("logprobs") is not None:
        shown["logprobs"] = None
    return shown


def _parts(part: dict[str, Any], change: Change) -> dict[str, Any]:
    return {
        name: _content(value, change) if name in _TEXTS else value for name, value in part.items()
    }


def _content(value: Any, change: Change) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_content(part, change) for part in value]
    return _parts(value, change) if isinstance(value, dict) else value


def _call(call: Any, change: Change) -> Any:
    if not isinstance(call, dict) or not isinstance(call.get("function"), dict):
        return call
    return {**call, "function": _with_arguments(call["function"], change)}


def _with_arguments(function: dict[str, Any], change: Change) -> dict[str, Any]:
    arguments = function.get("arguments")
    if not isinstance(arguments, str):
        return function
    return {**function, "arguments": changed_arguments(arguments, change)}


def _deep(value: Any, change: Change) -> Any:
    """Every text of a JSON value, numbers among them: they can be those of telephones."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_deep(item, change) for item in value]
    if isinstance(value, dict):
        return {name: _deep(item, change) for name, item in value.items()}
    if isinstance(value, int) and not isinstance(value, bool):
        spelt = str(value)
        exchanged = change(spelt)
        return value if exchanged == spelt else exchanged
    return value
