"""What every stand-in for a vendor answers: the same, whatever words the vendor has for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

INPUT_TOKENS, OUTPUT_TOKENS = 11, 7
CALL_ID = "call_1"
ARGUMENTS = {"city": "Zürich"}
THOUGHT = "Let me think."


@dataclass(frozen=True)
class Asked:
    """What a vendor understood.

    Attributes:
        text: The last thing that was said.
        result: What a tool answered, if that was the last thing.
        tool: The first tool that may be called.
        schema: Whether the answer must be JSON of a schema.
        thinking: Whether thoughts are wanted.
    """

    text: str = ""
    result: str | None = None
    tool: str | None = None
    schema: bool = False
    thinking: bool = False


@dataclass(frozen=True)
class Answer:
    """What the model thinks, says or calls."""

    text: str = ""
    tool: str | None = None
    thought: str = ""


def answer(asked: Asked) -> Answer:
    """The model's answer."""
    thought = THOUGHT if asked.thinking else ""
    if asked.result is not None:
        return Answer(f"The tool says {asked.result}.", thought=thought)
    if asked.tool is not None:
        return Answer(tool=asked.tool, thought=thought)
    if asked.schema:
        return Answer('{"city":"Zürich"}', thought=thought)
    return Answer(f"You said: {asked.text}", thought=thought)


def halves(text: str) -> list[str]:
    """A text in two parts, as streams have it."""
    middle = max(1, len(text) // 2)
    return [part for part in (text[:middle], text[middle:]) if part]


def vector(text: str) -> list[float]:
    """The embedding of a text."""
    return [float(len(text)), 0.5]


def first_name(tools: object, *path: str) -> str | None:
    """The name of the first of some tools."""
    value: Any = tools[0] if isinstance(tools, list) and tools else None
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
        if isinstance(value, list):
            value = value[0]
    return value if isinstance(value, str) else None
