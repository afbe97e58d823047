from typing import Any

import pytest
from workers.asgi_caller import Call, call
from workers.scripted_engine import ScriptedEngine, chat_steps, delta, progress, serving, usage


async def complete(engine: ScriptedEngine, **fields: Any) -> Call:
    with serving(engine) as app:
        return await call(app, "/v1/completions", {"prompt": "Hi", **fields})


async def test_a_whole_answer() -> None:
    body = (await complete(ScriptedEngine())).json()
    assert body["id"].startswith("cmpl-")
    assert body["object"] == "text_completion"
    assert body["choices"] == [
        {"index": 0, "text": "Hello", "logprobs": None, "finish_reason": "stop"}
    ]
    assert body["usage"]["total_tokens"] == 9


async def test_a_stream() -> None:
    events = (await complete(ScriptedEngine(), stream=True)).events()
    texts = [choice["text"] for event in events[:-2] for choice in event["choices"]]
    assert texts == ["Hel", "lo", ""]
    assert events[-3]["choices"][0]["finish_reason"] == "stop"
    assert events[-2]["choices"] == []
    assert events[-2]["usage"]["completion_tokens"] == 2
    assert events[-1] == "[DONE]"


async def test_several_prompts_with_several_choices() -> None:
    engine = ScriptedEngine()
    body = (await complete(engine, prompt=["a", "b"], n=2)).json()
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2, 3]
    assert body["usage"]["prompt_tokens"] == 14
    assert body["usage"]["completion_tokens"] == 8


async def test_a_prompt_is_a_user_message_unless_it_is_raw() -> None:
    engine = ScriptedEngine()
    await complete(engine, prompt="x<|im_end|>")
    await complete(engine, prompt="x<|im_end|>", use_raw_prompt=True)
    templated, raw = engine.requests
    assert templated.kind == "chat"
    assert templated.body["messages"][0]["role"] == "user"
    assert "<|im_end|>" not in templated.body["messages"][0]["content"]
    assert (raw.kind, raw.body["prompt"]) == ("text", "x<|im_end|>")


async def test_log_probabilities_in_the_legacy_shape() -> None:
    def entry(token: str) -> dict[str, Any]:
        top = [{"token": t, "bytes": [1], "logprob": -1.0} for t in (token, "?")]
        return {"token": token, "bytes": [1], "logprob": -1.0, "top_logprobs": top}

    steps = [
        progress(3),
        delta({"content": "ab"}, logprobs={"content": [entry("ab")]}),
        delta({"content": "c"}, logprobs={"content": [entry("c")]}),
        delta({}, "length"),
        usage(3, 2),
    ]
    body = (await complete(ScriptedEngine(steps), logprobs=1)).json()
    assert body["choices"][0]["logprobs"] == {
        "tokens": ["ab", "c"],
        "token_logprobs": [-1.0, -1.0],
        "top_logprobs": [{"ab": -1.0}, {"c": -1.0}],
        "text_offset": [0, 2],
    }


async def test_an_answer_that_cannot_be_that_long_is_an_error_only_on_request() -> None:
    steps = chat_steps("a", prompt_tokens=60)
    strict = await complete(ScriptedEngine(steps), max_tokens=50, error_behavior="error")
    error = strict.json()["error"]
    assert (strict.status, error["code"]) == (400, "context_length_exceeded")
    assert "60 tokens" in error["message"]
    assert "100 tokens" in error["message"]
    for behavior in ({}, {"error_behavior": "truncate"}):
        assert (await complete(ScriptedEngine(steps), max_tokens=50, **behavior)).status == 200


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": [1]}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"echo": True}, "echo"),
        ({"suffix": "x"}, "suffix"),
        ({"best_of": 3}, "best_of"),
        ({"logprobs": 6}, "logprobs"),
        ({"error_behavior": "shrug"}, "error_behavior"),
        ({"messages": []}, "messages"),
        ({"temperature": 3}, "temperature"),
    ],
)
async def test_refusals_name_the_field(fields: dict[str, Any], param: str) -> None:
    reply = await complete(ScriptedEngine(), **fields)
    assert (reply.status, reply.json()["error"]["param"]) == (400, param)


async def test_harmless_spellings_are_accepted() -> None:
    assert (await complete(ScriptedEngine(), echo=False, suffix="", best_of=1)).status == 200
