"""Any conversation, and what it says."""

from typing import Any

import orjson
from hypothesis import strategies as st

words = st.text(min_size=1, max_size=8)
ids = st.text("abc-_", min_size=1, max_size=4)


@st.composite
def conversations(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Turns in a legal order: each turn with calls is followed by their results."""
    turns: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(1, 5))):
        turns.append({"role": "user", "content": draw(words)})
        if draw(st.booleans()):
            turns.append(
                {"role": draw(st.sampled_from(["system", "developer"])), "content": draw(words)}
            )
        names = draw(st.lists(ids, unique=True, max_size=3))
        content = draw(words) if not names else draw(st.none() | words | st.just(""))
        if not names:
            turns.append({"role": "assistant", "content": content})
            continue
        arguments = {
            name: draw(st.dictionaries(words, st.integers(0, 9), max_size=2)) for name in names
        }
        calls = [
            {
                "id": name,
                "type": "function",
                "function": {"name": "f", "arguments": orjson.dumps(arguments[name]).decode()},
            }
            for name in names
        ]
        turns.append({"role": "assistant", "content": content, "tool_calls": calls})
        turns += [{"role": "tool", "tool_call_id": n, "content": draw(words)} for n in names]
    return turns


def pieces(turn: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What a caller's message says."""
    if turn["role"] == "tool":
        return [("result", turn["tool_call_id"], turn["content"])]
    text = [(turn["role"], turn["content"])] if turn["content"] else []
    calls = [
        ("call", call["id"], orjson.loads(call["function"]["arguments"]))
        for call in turn.get("tool_calls", [])
    ]
    return [*text, *calls]
