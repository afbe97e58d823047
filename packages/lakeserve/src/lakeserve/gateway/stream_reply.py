"""The one answer that the events of a stream amount to. Pure."""

from collections.abc import Iterator
from typing import Any

import orjson

_OBJECTS = {"chat": "chat.completion", "completions": "text_completion"}
_GROWING = frozenset({"content", "text", "arguments", "reasoning_content"})
_DEEPEST = 16


def whole_of_stream(operation: str, events: bytes) -> bytes:
    """What the call would have been answered without ``stream``, as JSON.

    Fields that are not put together from parts keep the value of the last event that has them, so
    an error that ended the stream is there as well.
    """
    answer: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for event in _values(events):
        given = event.pop("choices", None)
        answer.update({name: value for name, value in event.items() if value is not None})
        for part in given if isinstance(given, list) else []:
            if isinstance(part, dict):
                _add_choice(choices, part)
    if operation in _OBJECTS and choices:
        answer["object"] = _OBJECTS[operation]
    answer["choices"] = [choices[index] for index in sorted(choices)]
    try:
        return orjson.dumps(answer)
    except orjson.JSONEncodeError:  # it is nested deeper than the encoder goes
        return events


def _values(events: bytes) -> Iterator[dict[str, Any]]:
    for line in events.split(b"\n"):
        if not line.startswith(b"data:"):
            continue
        try:
            value = orjson.loads(line[5:])
        except orjson.JSONDecodeError:  # the end mark
            continue
        if isinstance(value, dict):
            yield value


def _add_choice(choices: dict[int, dict[str, Any]], part: dict[str, Any]) -> None:
    index = part.get("index")
    index = index if isinstance(index, int) else 0
    choice = choices.setdefault(index, {"index": index})
    delta = part.pop("delta", None)
    if isinstance(delta, dict):
        _merge(choice.setdefault("message", {}), delta)
    _merge(choice, part)


def _merge(whole: dict[str, Any], part: dict[str, Any], depth: int = 0) -> None:
    """Texts grow, lists with an index merge by it, other lists grow, the rest is replaced."""
    for name, value in part.items():
        known = whole.get(name)
        if value is None:
            whole.setdefault(name, None)
        elif name in _GROWING and isinstance(known, str) and isinstance(value, str):
            whole[name] = known + value
        elif isinstance(value, list) and depth < _DEEPEST:
            whole[name] = _merged_list(known if isinstance(known, list) else [], value, depth)
        elif isinstance(known, dict) and isinstance(value, dict) and depth < _DEEPEST:
            _merge(known, value, depth + 1)
        else:
            whole[name] = value


def _merged_list(known: list[Any], new: list[Any], depth: int) -> list[Any]:
    merged = list(known)
    for item in new:
        index = item.get("index") if isinstance(item, dict) else None
        same = None if index is None else _with_index(merged, index)
        if same is None:
            merged.append(item)
        else:
            _merge(same, item, depth + 1)
    return merged


def _with_index(items: list[Any], index: Any) -> dict[str, Any] | None:
    for item in items:
        if isinstance(item, dict) and item.get("index") == index:
            return item
    return None
