"""Replies of Gemini; the transcripts hold whole ones."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakeserve.core.errors import BadUpstream, WireError
from lakeserve.providers.base import Asked
from lakeserve.providers.gemini_reply import (
    GenerationReader,
    call_id,
    chat_completion,
    finish_reason,
    usage,
)
from providers.transcripts import a_target

ASKED = Asked(a_target("google-cloud-vertex-ai"), "chat", {"messages": []})


@pytest.mark.parametrize(
    ("given_reason", "called", "reason"),
    [
        ("STOP", False, "stop"),
        ("STOP", True, "tool_calls"),
        ("MAX_TOKENS", True, "length"),
        ("SAFETY", False, "content_filter"),
        ("PROHIBITED_CONTENT", False, "content_filter"),
        ("MALFORMED_FUNCTION_CALL", False, "stop"),
        (None, False, "stop"),
    ],
)
def test_finish_reasons(given_reason: str | None, called: bool, reason: str) -> None:
    assert finish_reason(given_reason, called) == reason


def test_usage() -> None:
    used = usage({"promptTokenCount": 1, "toolUsePromptTokenCount": 2, "candidatesTokenCount": 3})
    assert used == {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}


@given(st.tuples(st.text(), st.integers(0, 9), st.integers(0, 9)))
def test_ids_are_those_of_the_call(call: tuple[str, int, int]) -> None:
    response, candidate, number = call
    assert call_id(*call) == call_id(response, candidate, number)
    assert call_id(*call) != call_id(response, candidate, number + 1)
    assert len(call_id(*call)) == len("call_") + 24


@pytest.mark.parametrize(("code", "status"), [(400, 400), (429, 429), (None, 502), (200, 502)])
def test_errors_in_a_stream(code: int | None, status: int) -> None:
    with pytest.raises(WireError) as caught:
        GenerationReader(ASKED).read({"error": {"code": code}})
    assert caught.value.status == status


def test_garbage() -> None:
    with pytest.raises(BadUpstream):
        chat_completion(ASKED, b"[]")


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["content", "parts", "text", "functionCall", "index", "thought"]), inner
        )
    ),
    max_leaves=8,
)
NAMES = ["candidates", "promptFeedback", "usageMetadata", "responseId", "modelVersion"]


@given(st.dictionaries(st.sampled_from(NAMES), json_values))
def test_any_object_becomes_an_answer(value: dict[str, Any]) -> None:
    answer = orjson.loads(chat_completion(ASKED, orjson.dumps(value)))
    assert answer["choices"]
    GenerationReader(ASKED).read(value)
