"""Replies of Cohere."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakeserve.core.errors import WireError
from lakeserve.providers.base import Asked
from lakeserve.providers.cohere_reply import (
    chat_completion,
    failure,
    finish_reason,
    text_completion,
    usage,
)
from providers.transcripts import a_target

ASKED = Asked(a_target("cohere", "asked"), "chat", {"messages": [{"role": "user"}]})


def test_finish_reasons() -> None:
    reasons = ["COMPLETE", "STOP_SEQUENCE", "MAX_TOKENS", "TOOL_CALL", "ERROR_TOXIC", "NEW", None]
    assert [finish_reason(reason) for reason in reasons] == [
        "stop",
        "stop",
        "length",
        "tool_calls",
        "content_filter",
        "stop",
        "stop",
    ]


@pytest.mark.parametrize(("reason", "status"), [("ERROR", 502), ("TIMEOUT", 504)])
@pytest.mark.parametrize("read", [chat_completion, text_completion])
def test_failures(read: Any, reason: str, status: int) -> None:
    with pytest.raises(WireError, match="external_model_provider") as caught:
        read(ASKED, orjson.dumps({"finish_reason": reason}))
    assert caught.value.status == status
    assert failure("COMPLETE", {}) is None


def test_usage() -> None:
    billed = {"input_tokens": 1.0, "output_tokens": 2.0}
    wanted = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    assert usage({"billed_units": billed}, ASKED, 0) == wanted
    estimated = usage({}, ASKED, 7)
    assert estimated["completion_tokens"] == 2
    assert estimated["prompt_tokens"] > 0


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["type", "text", "content", "tool_calls", "function", "tokens"]), inner
        )
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["id", "message", "finish_reason", "usage"]), json_values))
def test_any_object_becomes_an_answer(value: dict[str, Any]) -> None:
    answer = orjson.loads(chat_completion(ASKED, orjson.dumps(value)))
    assert answer["model"] == "asked"
