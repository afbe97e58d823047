"""The texts in the events of a stream of chat or completions, each on its way. Pure."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol

import orjson

from lakeserve.gateway.guardrails.texts import Change, changed_arguments

Json = dict[str, Any]
Shape = Callable[[str], Json]

# Fields of a delta that are no text of the model.
_PLAIN = frozenset({"role", "name", "id", "type"})
_LEGACY_CALL = -1


class Passage(Protocol):
    """Takes one text in parts and lets parts of it leave."""

    def feed(self, text: str) -> str:
        """What may leave now that ``text`` has come."""
        ...

    def close(self) -> str:
        """The rest: nothing more comes."""
        ...


class Kept:
    """Lets everything pass and remembers it."""

    __slots__ = ("text",)

    def __init__(self) -> None:
        self.text = ""

    def feed(self, text: str) -> str:
        """See ``Passage.feed``."""
        self.text += text
        return text

    def close(self) -> str:
        """See ``Passage.close``."""
        return ""


class EventTexts:
    """Sends each text of a stream through a passage of its own, and the events after it.

    The arguments of a tool's call leave when they are whole, changed. Log probabilities spell the
    text and are dropped, and so is what nobody here can read.

    Args:
        passage: Makes a passage.
        change: Exchanges a text of arguments.
    """

    def __init__(self, passage: Callable[[], Passage], change: Change) -> None:
        self._make = passage
        self._change = change
        self.passages: dict[tuple[int, str], Passage] = {}
        self._shapes: dict[tuple[int, str], Shape] = {}
        self._arguments: dict[tuple[int, int], str] = {}
        self._frame: Json = {}

    def feed(self, events: bytes) -> bytes:
        """What of whole events may leave by now."""
        return b"".join(map(_event, self._passed(events)))

    def close(self) -> bytes:
        """What was held back: nothing more comes."""
        indexes = sorted({place[0] for place in (*self.passages, *self._arguments)})
        return b"".join(_event(each) for index in indexes for each in self._rest(index))

    def _passed(self, events: bytes) -> Iterator[Json]:
        for value in _values(events):
            choices = value.get("choices")
            if not isinstance(choices, list) or not choices:
                yield value
                continue
            self._frame = {
                name: part for name, part in value.items() if name not in {"choices", "usage"}
            }
            shown = []
            for choice in filter(_is_object, choices):
                passed = self._choice(choice)
                if choice.get("finish_reason") is not None:
                    yield from self._rest(_index(choice))
                if _says_something(passed):
                    shown.append(passed)
            if shown or value.get("usage") is not None:
                yield {**value, "choices": shown}

    def _choice(self, choice: Json) -> Json:
        index = _index(choice)
        shown = {name: part for name, part in choice.items() if name != "logprobs"}
        if isinstance(text := choice.get("text"), str):
            shown["text"] = self._fed((index, "text"), lambda rest: {"text": rest}, text)
        if isinstance(delta := choice.get("delta"), dict):
            parts = (self._field(index, name, value) for name, value in delta.items())
            shown["delta"] = {name: value for part in parts for name, value in part.items()}
        return shown

    def _field(self, index: int, name: str, value: Any) -> Json:
        if name == "tool_calls" and isinstance(value, list):
            return {name: [self._call(index, call) for call in filter(_is_object, value)]}
        if name == "function_call" and isinstance(value, dict):
            return {name: self._function(index, _LEGACY_CALL, value)}
        if name == "content" and isinstance(value, list):
            return {name: [self._part(index, part) for part in filter(_is_object, value)]}
        if isinstance(value, str) and name not in _PLAIN:
            return {name: self._fed((index, name), partial(_plain_delta, name), value)}
        return {} if isinstance(value, dict | list) else {name: value}

    def _part(self, index: int, part: Json) -> Any:
        """A part of a content that is a list; a reasoning part holds its texts in ``summary``."""
        kind = part.get("type")
        if isinstance(summary := part.get("summary"), list):
            inner = [self._text(index, f"{kind}.summary", part, each) for each in summary]
            return {**part, "summary": inner}
        return self._text(index, f"{kind}", None, part)

    def _text(self, index: int, place: str, around: Json | None, part: Any) -> Any:
        if not isinstance(part, dict) or not isinstance(part.get("text"), str):
            return part

        def shape(rest: str) -> Json:
            inner = {**part, "text": rest}
            whole: Json = inner if around is None else {**around, "summary": [inner]}
            return {"delta": {"content": [whole]}}

        return {**part, "text": self._fed((index, f"content.{place}"), shape, part["text"])}

    def _fed(self, place: tuple[int, str], shape: Shape, text: str) -> str:
        passage = self.passages.get(place)
        if passage is None:
            passage = self.passages[place] = self._make()
        self._shapes[place] = shape
        return passage.feed(text)

    def _call(self, index: int, call: Json) -> Json:
        function = call.get("function")
        if not isinstance(function, dict):
            return call
        return {**call, "function": self._function(index, _index(call), function)}

    def _function(self, index: int, number: int, function: Json) -> Json:
        """A function's call without its arguments, which are kept."""
        arguments = function.get("arguments")
        if not isinstance(arguments, str):
            return function
        key = (index, number)
        self._arguments[key] = self._arguments.get(key, "") + arguments
        return {**function, "arguments": ""}

    def _rest(self, index: int) -> Iterator[Json]:
        for place, passage in self.passages.items():
            if place[0] == index and (text := passage.close()):
                yield self._chunk(index, self._shapes[place](text))
        for key in [key for key in self._arguments if key[0] == index]:
            function = {"arguments": changed_arguments(self._arguments[key], self._change)}
            call = {"index": key[1], "function": function}
            legacy = key[1] == _LEGACY_CALL
            delta = {"function_call": function} if legacy else {"tool_calls": [call]}
            yield self._chunk(index, {"delta": delta})
            del self._arguments[key]

    def _chunk(self, index: int, part: Json) -> Json:
        return {**self._frame, "choices": [{"index": index, **part, "finish_reason": None}]}


def _plain_delta(name: str, text: str) -> Json:
    return {"delta": {name: text}}


def _values(events: bytes) -> Iterator[Json]:
    for line in events.split(b"\n"):
        if line.startswith(b"data:"):
            try:
                value = orjson.loads(line[5:])
            except orjson.JSONDecodeError:  # the end mark, or nothing that a client could read
                continue
            if isinstance(value, dict):
                yield value


def _event(value: Json) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _index(value: Json) -> int:
    index: object = value.get("index")
    return index if isinstance(index, int) else 0


def _says_something(choice: Json) -> bool:
    if choice.get("finish_reason") is not None or choice.get("text"):
        return True
    delta = choice.get("delta")
    return isinstance(delta, dict) and any(value not in ("", []) for value in delta.values())
