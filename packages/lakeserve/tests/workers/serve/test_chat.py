import re
from typing import Any

import pytest
from workers.asgi_caller import chat
from workers.scripted_engine import ScriptedEngine, chat_steps, serving

TOOL = {
    "type": "function",
    "function": {"name": "f", "parameters": {"type": "object", "properties": {}}},
}


async def test_a_whole_answer() -> None:
    with serving(ScriptedEngine()) as app:
        reply = await chat(app)
    body = reply.json()
    assert re.fullmatch(r"chatcmpl-[A-Za-z0-9]{29}", body.pop("id"))
    assert isinstance(body.pop("created"), int)
    assert body == {
        "object": "chat.completion",
        "model": "model",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello"},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 7,
            "completion_tokens": 2,
            "total_tokens": 9,
            "prompt_tokens_details": {"cached_tokens": 1},
        },
    }


async def test_a_stream_byte_for_byte() -> None:
    with serving(ScriptedEngine()) as app:
        reply = await chat(app, stream=True)
    assert reply.content_type == b"text/event-stream; charset=utf-8"
    frame = (
        rb'data: {"id":"(chatcmpl-\w{29})","object":"chat.completion.chunk","created":(\d+),'
        rb'"model":"model","choices":'
    )
    tails = [
        rb'[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,'
        rb'"finish_reason":null}]}',
        rb'[{"index":0,"delta":{"content":"Hel"},"logprobs":null,"finish_reason":null}]}',
        rb'[{"index":0,"delta":{"content":"lo"},"logprobs":null,"finish_reason":null}]}',
        rb'[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}',
        rb'[],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9,'
        rb'"prompt_tokens_details":{"cached_tokens":1}}}',
    ]
    lines = b"".join(reply.chunks).split(b"\n\n")
    assert lines[-2:] == [b"data: [DONE]", b""]
    heads = []
    for line, tail in zip(lines, tails, strict=False):
        match = re.match(frame, line)
        assert match is not None
        assert line[match.end() :] == tail
        heads.append(match.groups())
    assert len(lines) == len(tails) + 2
    assert len(set(heads)) == 1
    assert len(reply.chunks) == len(tails) + 1, "every event is sent as it comes"


async def test_usage_comes_whatever_stream_options_say() -> None:
    with serving(ScriptedEngine()) as app:
        reply = await chat(app, stream=True, stream_options={"include_usage": False})
    assert reply.events()[-2]["usage"]["total_tokens"] == 9


async def test_several_choices_count_the_prompt_once() -> None:
    engine = ScriptedEngine()
    with serving(engine) as app:
        body = (await chat(app, n=5, seed=3)).json()
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2, 3, 4]
    assert (body["usage"]["prompt_tokens"], body["usage"]["completion_tokens"]) == (7, 10)
    assert sorted(request.body["seed"] for request in engine.requests) == [3, 4, 5, 6, 7]


async def asked(**fields: Any) -> dict[str, Any]:
    """What the engine is asked for a request."""
    engine = ScriptedEngine()
    with serving(engine) as app:
        reply = await chat(app, **fields)
    assert reply.status == 200, reply.json()
    return engine.requests[0].body


async def test_the_engine_always_streams_with_openais_defaults() -> None:
    body = await asked()
    assert body["stream"] is True
    assert body["temperature"] == 1.0
    assert "max_tokens" not in body
    assert "tools" not in body


async def test_both_names_of_the_token_limit() -> None:
    assert (await asked(max_tokens=3))["max_tokens"] == 3
    assert (await asked(max_completion_tokens=4, max_tokens=3))["max_tokens"] == 4


async def test_typed_control_tokens_are_broken_everywhere() -> None:
    tool = {"type": "function", "function": {"name": "f", "description": "x<|im_end|>"}}
    body = await asked(
        messages=[
            {"role": "system", "content": "a<|im_end|>"},
            {"role": "user", "content": [{"type": "text", "text": "<|im_start|>system"}]},
            {"role": "assistant", "content": "<tool_call>"},
        ],
        tools=[tool],
    )
    sent = f"{body['messages']}{body['tools']}"
    for marker in ("<|im_start|>", "<|im_end|>", "<tool_call>"):
        assert marker not in sent


async def test_tool_choices_as_the_engine_sees_them() -> None:
    assert "tools" not in await asked(tools=[TOOL], tool_choice="none")
    auto = await asked(tools=[TOOL], tool_choice="auto")
    assert auto["tools"][0]["function"]["name"] == "f"
    assert "response_format" not in auto
    for forced in ("required", {"type": "function", "function": {"name": "f"}}):
        body = await asked(tools=[TOOL], tool_choice=forced)
        assert '{"const": "f"}' in body["grammar"]
        assert body["tools"] == auto["tools"]


async def test_a_forced_call_streams_as_a_tool_call() -> None:
    engine = ScriptedEngine(chat_steps('{"name": "f", "arg', 'uments": {"a": ', "1}", "}"))
    with serving(engine) as app:
        reply = await chat(app, tools=[TOOL], tool_choice="required", stream=True)
    *chunks, final, _ = reply.events()
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0] == {"role": "assistant", "content": None}
    opening = deltas[1]["tool_calls"][0]
    assert opening["function"] == {"name": "f", "arguments": ""}
    pieces = [d["tool_calls"][0]["function"]["arguments"] for d in deltas[2:] if d]
    assert "".join(pieces) == '{"a": 1}'
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert final["choices"] == []


async def test_log_probabilities_are_asked_for_in_a_way_that_works_beside_tools() -> None:
    body = await asked(tools=[TOOL], logprobs=True)
    assert body["n_probs"] == 1
    assert "logprobs" not in body
    assert (await asked(logprobs=True, top_logprobs=20))["n_probs"] == 20


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"surprise": 1}, "surprise"),
        ({"functions": []}, "functions"),
        ({"n": 17}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": 0}, "max_completion_tokens"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"logprobs": 2}, "logprobs"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": 1}, "stream_options"),
        ({"response_format": {"type": "yaml"}}, "response_format.type"),
    ],
)
async def test_refusals_name_the_field(fields: dict[str, Any], param: str) -> None:
    with serving(ScriptedEngine()) as app:
        reply = await chat(app, **fields)
    assert reply.status == 400
    error = reply.json()["error"]
    assert (error["param"], error["type"]) == (param, "invalid_request_error")
    assert error["message"].startswith(f"{param}: ")


async def test_fields_without_meaning_here_are_ignored() -> None:
    body = await asked(
        model="x", user="u", store=True, metadata={}, parallel_tool_calls=True, service_tier="auto"
    )
    assert not {"user", "store", "metadata", "model"} & set(body)
