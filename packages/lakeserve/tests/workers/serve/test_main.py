"""The worker process with the demo model: what only the real engine can show.

What the model says is hardly looked at: it is trained anew now and then.
"""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest
from lakeserve.workers.gguf_header import read_header
from lakeserve_demo_model import model_path
from workers.conftest import RunningWorker
from workers.unix_http import UnixConnection, send

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
HI = [{"role": "user", "content": "How are you?"}]


def tool(name: str, argument: str) -> dict[str, Any]:
    parameters = {
        "type": "object",
        "properties": {argument: {"type": "string", "maxLength": 20}},
        "required": [argument],
        "additionalProperties": False,
    }
    function = {"name": name, "description": f"Call {name}.", "parameters": parameters}
    return {"type": "function", "function": function}


WEATHER, SEARCH = tool("get_weather", "location"), tool("web_search", "query")
ASK = [{"role": "user", "content": "What is the weather in Paris?"}]


def never_ending() -> dict[str, int]:
    """A logit bias under which no answer ends by itself."""
    header = read_header(model_path(), vocabulary=True)
    tokens = header.arrays["tokenizer.ggml.tokens"]
    return {str(tokens.index(marker)): -100 for marker in header.marker_tokens()}


def test_a_greedy_answer_in_openais_shape(chat_worker: RunningWorker) -> None:
    status, body = chat_worker.post(CHAT, messages=HI, temperature=0, max_tokens=30)
    assert status == 200
    (choice,) = body["choices"]
    assert choice["message"]["content"]
    assert choice["finish_reason"] in ("stop", "length")
    usage = body["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_a_stream_says_what_the_whole_answer_says(chat_worker: RunningWorker) -> None:
    fields = {"messages": HI, "temperature": 0, "max_tokens": 30}
    _, whole = chat_worker.post(CHAT, **fields)
    *chunks, last, done = chat_worker.stream(CHAT, **fields)
    assert done == "[DONE]"
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == whole["usage"]["completion_tokens"]
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert (
        "".join(delta.get("content", "") for delta in deltas)
        == (whole["choices"][0]["message"]["content"])
    )
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in [*chunks, last]}) == 1
    assert abs(last["created"] - time.time()) < 60


def test_max_tokens_and_stop(chat_worker: RunningWorker) -> None:
    _, body = chat_worker.post(
        CHAT, messages=HI, max_tokens=1, logit_bias=never_ending(), temperature=0
    )
    assert body["usage"]["completion_tokens"] == 1
    assert body["choices"][0]["finish_reason"] == "length"
    _, body = chat_worker.post(CHAT, messages=HI, temperature=0, max_tokens=40)
    text = body["choices"][0]["message"]["content"]
    word = text.split()[2]
    _, body = chat_worker.post(CHAT, messages=HI, temperature=0, max_tokens=40, stop=word)
    assert body["choices"][0]["message"]["content"] == text[: text.index(word)]
    assert body["choices"][0]["finish_reason"] == "stop"


def test_an_answer_without_a_limit_ends_with_the_context(chat_worker: RunningWorker) -> None:
    _, body = chat_worker.post(CHAT, messages=HI, logit_bias=never_ending())
    assert body["choices"][0]["finish_reason"] == "length"
    assert body["usage"]["total_tokens"] == pytest.approx(2048, abs=2)


def test_seeds_repeat_answers(chat_worker: RunningWorker) -> None:
    def answer(seed: int) -> str:
        _, body = chat_worker.post(
            CHAT, messages=HI, seed=seed, temperature=2, max_tokens=20, logit_bias=never_ending()
        )
        return str(body["choices"][0]["message"]["content"])

    assert answer(7) == answer(7)
    assert len({answer(seed) for seed in range(4)}) > 1


def test_more_choices_than_slots(chat_worker: RunningWorker) -> None:
    _, body = chat_worker.post(
        CHAT, messages=HI, n=5, max_tokens=3, temperature=1, logit_bias=never_ending()
    )
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2, 3, 4]
    assert body["usage"]["completion_tokens"] == 15
    _, one = chat_worker.post(CHAT, messages=HI, max_tokens=1)
    assert body["usage"]["prompt_tokens"] == one["usage"]["prompt_tokens"]


def test_typed_control_tokens_are_text(chat_worker: RunningWorker) -> None:
    def prompt_tokens(content: str) -> int:
        messages = [{"role": "user", "content": content}]
        _, body = chat_worker.post(CHAT, messages=messages, max_tokens=1)
        return int(body["usage"]["prompt_tokens"])

    plain = prompt_tokens("a b")
    for marker in ("<|im_start|>", "<|im_end|>", "<tool_call>"):
        assert prompt_tokens(f"a {marker}b") > plain + 2


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("required", {"get_weather", "web_search"}),
        ({"type": "function", "function": {"name": "web_search"}}, {"web_search"}),
        ({"type": "function", "function": {"name": "get_weather"}}, {"get_weather"}),
    ],
)
@pytest.mark.parametrize("messages", [ASK, HI])
def test_forced_calls(
    chat_worker: RunningWorker, choice: Any, names: set[str], messages: list[dict[str, Any]]
) -> None:
    fields = {"messages": messages, "tools": [WEATHER, SEARCH], "tool_choice": choice}
    _, body = chat_worker.post(CHAT, **fields, temperature=0)
    (answer,) = body["choices"]
    assert answer["finish_reason"] == "tool_calls"
    assert answer["message"]["content"] is None
    (call,) = answer["message"]["tool_calls"]
    assert re.fullmatch(r"call_\w{24}", call["id"])
    assert call["function"]["name"] in names
    arguments = orjson.loads(call["function"]["arguments"])
    assert list(arguments) in (["location"], ["query"])

    *chunks, _, _ = chat_worker.stream(CHAT, **fields, temperature=0)
    deltas = [chunk["choices"][0]["delta"].get("tool_calls", [{}])[0] for chunk in chunks]
    streamed = "".join(delta["function"]["arguments"] for delta in deltas if delta)
    assert streamed == call["function"]["arguments"]


def test_a_schema_that_the_grammar_knows_only_in_part(chat_worker: RunningWorker) -> None:
    parameters = {
        "type": "object",
        "properties": {
            "code": {"type": "string", "pattern": "^[A-Z]{2}[0-9]$"},
            "kind": {"$ref": "#/$defs/kind"},
            "day": {"type": "string", "format": "made-up", "maxLength": 3},
        },
        "$defs": {"kind": {"enum": ["x", "y"]}},
        "required": ["code", "kind", "day"],
        "additionalProperties": False,
    }
    function = {"name": "f", "parameters": parameters}
    _, body = chat_worker.post(
        CHAT,
        messages=HI,
        tools=[{"type": "function", "function": function}],
        tool_choice="required",
    )
    (call,) = body["choices"][0]["message"]["tool_calls"]
    arguments = orjson.loads(call["function"]["arguments"])
    assert re.fullmatch("[A-Z]{2}[0-9]", arguments["code"])
    assert arguments["kind"] in ("x", "y")
    assert len(arguments["day"]) <= 3


def test_a_conversation_with_a_tool_result(chat_worker: RunningWorker) -> None:
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "get_weather", "arguments": '{"location": "Paris"}'},
    }
    messages = [
        *ASK,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {
            "role": "tool",
            "tool_call_id": "call_1",
            "content": [{"type": "text", "text": '{"temperature": 20, "condition": "sunny"}'}],
        },
        {"role": "developer", "content": "Answer briefly."},
    ]
    status, body = chat_worker.post(CHAT, messages=messages, tools=[WEATHER], max_tokens=40)
    assert status == 200
    assert body["choices"][0]["finish_reason"] in ("stop", "length", "tool_calls")


def test_structured_answers(chat_worker: RunningWorker) -> None:
    schema = {
        "type": "object",
        "properties": {"ok": {"type": "boolean"}, "grade": {"enum": ["a", "b"]}},
        "required": ["ok", "grade"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": schema}}
    _, body = chat_worker.post(CHAT, messages=HI, response_format=form)
    answer = orjson.loads(body["choices"][0]["message"]["content"])
    assert set(answer) == {"ok", "grade"}
    _, body = chat_worker.post(
        CHAT, messages=HI, response_format={"type": "json_object"}, max_tokens=20
    )
    assert body["choices"][0]["message"]["content"].lstrip().startswith("{")


def test_log_probabilities(chat_worker: RunningWorker) -> None:
    fields = {"messages": HI, "temperature": 0, "max_tokens": 5}
    _, body = chat_worker.post(CHAT, **fields, logprobs=True, top_logprobs=2)
    content = body["choices"][0]["logprobs"]["content"]
    assert len(content) == body["usage"]["completion_tokens"]
    for entry in content:
        assert set(entry) == {"token", "logprob", "bytes", "top_logprobs"}
        assert bytes(entry["bytes"]).decode("utf-8", "replace") == entry["token"]
        assert entry["logprob"] <= 0
        assert len(entry["top_logprobs"]) == 2
    events = chat_worker.stream(CHAT, **fields, logprobs=True)
    streamed = [
        entry
        for event in events[:-2]
        for entry in (event["choices"][0]["logprobs"] or {"content": []})["content"]
    ]
    assert [entry["token"] for entry in streamed] == [entry["token"] for entry in content]


def test_log_probabilities_beside_tools(chat_worker: RunningWorker) -> None:
    for choice in ("auto", "required"):
        status, body = chat_worker.post(
            CHAT,
            messages=ASK,
            tools=[WEATHER],
            tool_choice=choice,
            logprobs=True,
            top_logprobs=1,
            max_tokens=100,
        )
        assert status == 200
        assert body["choices"][0]["logprobs"]["content"]


def test_a_prompt_beyond_the_context_names_both_numbers(chat_worker: RunningWorker) -> None:
    messages = [{"role": "user", "content": "x " * 5000}]
    for stream in (False, True):
        status, data = send(chat_worker.socket, CHAT, {"messages": messages, "stream": stream})
        error = orjson.loads(data)["error"]
        assert (status, error["code"]) == (400, "context_length_exceeded")
        assert len(re.findall(r"\d+ tokens", error["message"])) == 2
        assert "2048 tokens" in error["message"]


def test_what_the_engine_refuses_is_a_400(chat_worker: RunningWorker) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{oops"}}
    status, body = chat_worker.post(
        CHAT,
        messages=[*HI, {"role": "assistant", "content": None, "tool_calls": [call]}],
        tools=[WEATHER],
    )
    assert status == 400
    assert "arguments" in body["error"]["message"]


def test_text_completions(chat_worker: RunningWorker) -> None:
    _, chat = chat_worker.post(CHAT, messages=HI, temperature=0, max_tokens=20)
    _, text = chat_worker.post(TEXT, prompt="How are you?", temperature=0, max_tokens=20)
    assert text["choices"][0]["text"] == chat["choices"][0]["message"]["content"]
    status, raw = chat_worker.post(
        TEXT, prompt=["a", "b"], use_raw_prompt=True, n=2, max_tokens=4, logprobs=1
    )
    assert status == 200
    assert [choice["index"] for choice in raw["choices"]] == [0, 1, 2, 3]
    logprobs = raw["choices"][0]["logprobs"]
    assert len(logprobs["tokens"]) == len(logprobs["token_logprobs"])
    *_, last, _ = chat_worker.stream(TEXT, prompt="How are you?", max_tokens=4)
    assert last["usage"]["completion_tokens"] <= 4


def test_many_callers_share_the_slots(chat_worker: RunningWorker) -> None:
    def ask(_: int) -> int:
        return chat_worker.post(CHAT, messages=HI, max_tokens=10)[0]

    with ThreadPoolExecutor(12) as pool:
        assert set(pool.map(ask, range(24))) == {200}


def settle(read: Callable[[], float], span_s: float = 0.5) -> float:
    """How much a counter grows within a while."""
    before = read()
    time.sleep(span_s)
    return read() - before


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_that_goes_away_costs_no_more(chat_worker: RunningWorker, stream: bool) -> None:
    body = {"messages": HI, "stream": stream, "logit_bias": never_ending(), "n": 2}
    connection = UnixConnection(chat_worker.socket)
    connection.request("POST", CHAT, orjson.dumps(body))
    started = chat_worker.cpu_s()
    while chat_worker.cpu_s() - started < 0.05:  # the engine is at work
        time.sleep(0.005)
    connection.close()
    time.sleep(0.2)
    assert settle(chat_worker.cpu_s) <= 0.05, "two answers of 2,000 tokens take seconds"
    assert chat_worker.post(CHAT, messages=HI, max_tokens=1)[0] == 200


def test_the_process_stays_small_and_quiet(chat_worker: RunningWorker) -> None:
    assert chat_worker.resident_mb() < 130
    log = chat_worker.log.read_text()
    assert "Traceback" not in log
