"""Replies of Anthropic."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakeserve.core.errors import BadUpstream
from lakeserve.providers.anthropic_reply import chat_completion, finish_reason, thought, usage
from lakeserve.providers.base import Asked
from providers.transcripts import a_target

ASKED = Asked(a_target("anthropic", "asked"), "chat", {})


@pytest.mark.parametrize(
    ("given_reason", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("something new", "stop"),
        (None, "stop"),
    ],
)
def test_finish_reasons(given_reason: str | None, reason: str) -> None:
    assert finish_reason(given_reason) == reason


def test_usage_counts_the_cache_as_prompt() -> None:
    used = usage({"input_tokens": 1, "cache_read_input_tokens": 2, "output_tokens": 3})
    assert used == {
        "prompt_tokens": 3,
        "completion_tokens": 3,
        "total_tokens": 6,
        "prompt_tokens_details": {"cached_tokens": 2},
        "cache_read_input_tokens": 2,
    }


def test_thoughts() -> None:
    assert thought({"thinking": "x"})["summary"] == [{"type": "summary_text", "text": "x"}]


def test_bare_replies() -> None:
    value = orjson.loads(chat_completion(ASKED, b"{}"))
    assert value["model"] == "asked"
    assert value["choices"][0]["message"] == {"role": "assistant", "content": None}


def test_garbage() -> None:
    with pytest.raises(BadUpstream):
        chat_completion(ASKED, b"[]")


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "text", "input", "id"]), inner)
    ),
    max_leaves=6,
)
NAMES = ["id", "model", "content", "stop_reason", "usage"]


@given(st.dictionaries(st.sampled_from(NAMES), json_values))
def test_any_object_becomes_an_answer(value: dict[str, Any]) -> None:
    answer = orjson.loads(chat_completion(ASKED, orjson.dumps(value)))
    assert answer["choices"][0]["message"]["role"] == "assistant"
