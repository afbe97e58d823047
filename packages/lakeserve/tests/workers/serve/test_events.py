import orjson
import pytest
from lakeserve.workers.serve.errors import ApiError
from lakeserve.workers.serve.events import Event, TokenLogprob, Usage, read_event
from workers.scripted_engine import delta, progress, too_long, usage


def test_progress_of_the_prompt() -> None:
    assert read_event(orjson.dumps(progress(9))) == Event(prompt_tokens=9)


def test_a_role_alone_says_nothing() -> None:
    assert read_event(orjson.dumps(delta({"role": "assistant", "content": None}))) is None
    assert read_event(b"[DONE]") is None


def test_text_reasoning_calls_and_finish() -> None:
    call = {"index": 0, "id": "x", "function": {"name": "f"}}
    value = {"content": "a", "reasoning_content": "b", "tool_calls": [call]}
    assert read_event(orjson.dumps(delta(value, "stop"))) == Event(
        text="a", reasoning="b", tool_calls=(call,), finish_reason="stop"
    )


def test_text_completions_and_usage_on_the_last_step() -> None:
    step = {"choices": [{"index": 0, "text": "a", "finish_reason": "length"}], **usage(3, 1)}
    step["choices"] = [{"index": 0, "text": "a", "finish_reason": "length"}]
    event = read_event(orjson.dumps(step))
    assert event == Event(text="a", finish_reason="length", usage=Usage(3, 1, 1))


def test_logprobs_have_no_minus_infinity() -> None:
    top = [{"id": 1, "token": "a", "bytes": [97], "logprob": -3.4e38}]
    entry = {"id": 1, "token": "a", "bytes": [97], "logprob": None, "top_logprobs": top}
    event = read_event(orjson.dumps(delta({"content": "a"}, logprobs={"content": [entry]})))
    assert event is not None
    least = TokenLogprob("a", [97], -9999.0)
    assert event.logprobs == (TokenLogprob("a", [97], -9999.0, (least,)),)


def test_a_prompt_that_is_too_long_names_both_numbers() -> None:
    with pytest.raises(ApiError) as caught:
        read_event(orjson.dumps(too_long(300, 100)))
    assert caught.value.status == 400
    assert caught.value.code == "context_length_exceeded"
    assert "300 tokens" in caught.value.message
    assert "100 tokens" in caught.value.message


@pytest.mark.parametrize(("code", "status"), [(400, 400), (500, 500), (None, 500)])
def test_errors_of_the_engine(code: int | None, status: int) -> None:
    with pytest.raises(ApiError, match="broken") as caught:
        read_event(orjson.dumps({"error": {"code": code, "message": "broken", "type": "x"}}))
    assert caught.value.status == status
