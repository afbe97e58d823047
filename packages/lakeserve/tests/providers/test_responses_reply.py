"""Whole answers of the Responses API."""

from typing import Any

import orjson
import pytest
from lakeserve.core.errors import BadUpstream
from lakeserve.providers.responses_reply import whole_response
from openai.types.responses import Response

USAGE = {
    "prompt_tokens": 5,
    "completion_tokens": 4,
    "total_tokens": 9,
    "prompt_tokens_details": {"cached_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 3},
}


def answered(message: dict[str, Any], finish: str = "stop", **asked: Any) -> dict[str, Any]:
    """What comes back, which OpenAI's own types accept."""
    choice = {"index": 0, "message": message, "finish_reason": finish}
    reply = {"model": "m", "created": 7, "choices": [choice], "usage": USAGE}
    value: dict[str, Any] = orjson.loads(whole_response(asked, orjson.dumps(reply)))
    Response.model_validate(value, strict=True)
    return value


def test_text() -> None:
    value = answered({"content": "Hi."}, temperature=0.5, tools=[])
    (item,) = value["output"]
    assert item["content"] == [
        {"type": "output_text", "text": "Hi.", "annotations": [], "logprobs": []}
    ]
    assert (value["status"], value["model"], value["created_at"]) == ("completed", "m", 7)
    assert value["temperature"] == 0.5
    assert value["usage"] == {
        "input_tokens": 5,
        "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 0},
        "output_tokens": 4,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 9,
    }


def test_thoughts_calls_and_refusals() -> None:
    thought = {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "Hm.", "signature": "sig"}],
    }
    hidden = {"type": "reasoning", "summary": [], "encrypted_content": "sealed"}
    call = {"id": "c1", "function": {"name": "f", "arguments": "{}"}, "extra_content": {"a": 1}}
    content = [thought, hidden, {"type": "text", "text": "x"}]
    value = answered({"content": content, "tool_calls": [call], "refusal": None}, "tool_calls")
    kinds = [item["type"] for item in value["output"]]
    assert kinds == ["reasoning", "reasoning", "message", "function_call"]
    assert value["output"][0]["encrypted_content"] == "sig"
    assert value["output"][1]["encrypted_content"] == "sealed"
    assert value["output"][3]["call_id"] == "c1"
    assert value["output"][3]["extra_content"] == {"a": 1}
    refused = answered({"content": None, "refusal": "No."})
    assert refused["output"][0]["content"] == [{"type": "refusal", "refusal": "No."}]


@pytest.mark.parametrize(
    ("finish", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")]
)
def test_answers_that_are_cut(finish: str, reason: str) -> None:
    value = answered({"content": "x"}, finish)
    assert (value["status"], value["incomplete_details"]) == ("incomplete", {"reason": reason})


def test_only_calls_have_no_message_and_nothing_has_an_empty_one() -> None:
    call = {"id": "c1", "function": {"name": "f", "arguments": "{}"}}
    assert [i["type"] for i in answered({"tool_calls": [call]})["output"]] == ["function_call"]
    assert [i["type"] for i in answered({})["output"]] == ["message"]


def test_what_is_no_answer() -> None:
    with pytest.raises(BadUpstream):
        whole_response({}, b"[]")
    assert orjson.loads(whole_response({}, b"{}"))["usage"] is None
