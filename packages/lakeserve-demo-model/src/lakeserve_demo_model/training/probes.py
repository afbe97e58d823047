"""What an evaluation asks, and the answer that counts as right."""

from dataclasses import dataclass, field

from lakeserve_demo_model.training.template import JsonObject, ToolCall, Turn


@dataclass(frozen=True)
class Probe:
    """Turns that end with the user's or a tool's, and the expected text or tool calls.

    With `schema` the answer is forced into JSON that follows it.
    """

    turns: tuple[Turn, ...]
    expected: str | tuple[ToolCall, ...]
    tools: tuple[JsonObject, ...] = field(default=())
    schema: JsonObject | None = None


def asked(
    question: str,
    expected: str | tuple[ToolCall, ...],
    *,
    system: str = "",
    tools: tuple[JsonObject, ...] = (),
    schema: JsonObject | None = None,
) -> Probe:
    """Return a probe of one question, behind a system prompt if one is given."""
    opening = (Turn("system", system),) if system else ()
    return Probe((*opening, Turn("user", question)), expected, tools, schema)
