"""ChatDatabricks over HTTP: requests, replies, faults, closing."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_lakeserve import (
    APIError,
    AuthenticationError,
    BadRequestError,
    ChatDatabricks,
    ConnectionFailedError,
    CredentialsError,
    DeadlineExceededError,
    EmptyReplyError,
    NotFoundError,
    NotJSONError,
    PermissionDeniedError,
    RateLimitError,
    ReplyError,
    ServerError,
    StatusError,
    StreamedAPIError,
    StreamInterruptedError,
)
from langchain_lakeserve._stub.server import Scripted, StubServer, json_reply, sse_reply
from pydantic import BaseModel, ValidationError

Ask = Callable[[ChatDatabricks], Any]


def chat(server: StubServer, **more: Any) -> ChatDatabricks:
    return ChatDatabricks(**{"model": "m", "host": server.host, "token": server.token, **more})


def add(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    total = chunks[0]
    for chunk in chunks[1:]:
        total += chunk
    return total


def ask_invoke(model: ChatDatabricks) -> AIMessage:
    return model.invoke("hi")


def ask_stream(model: ChatDatabricks) -> AIMessage:
    return add(list(model.stream("hi")))


def ask_ainvoke(model: ChatDatabricks) -> AIMessage:
    return asyncio.run(model.ainvoke("hi"))


def ask_astream(model: ChatDatabricks) -> AIMessage:
    async def run() -> AIMessageChunk:
        return add([chunk async for chunk in model.astream("hi")])

    return asyncio.run(run())


each_way = pytest.mark.parametrize("ask", [ask_invoke, ask_ainvoke, ask_stream, ask_astream])
each_stream = pytest.mark.parametrize("ask", [ask_stream, ask_astream])
each_whole = pytest.mark.parametrize("ask", [ask_invoke, ask_ainvoke])


# --- requests -----------------------------------------------------------------------------


def test_the_least_is_sent(server: StubServer) -> None:
    ask_invoke(chat(server))
    assert server.last().path == "/serving-endpoints/chat/completions"
    assert server.last().body == {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def test_the_constructor_is_sent(server: StubServer) -> None:
    given = {
        "temperature": 0.0,
        "top_p": 0.5,
        "max_tokens": 5,
        "seed": 1,
        "logprobs": True,
        "top_logprobs": 2,
        "reasoning_effort": "low",
        "n": 2,
        "stop": ["x"],
    }
    ask_invoke(chat(server, **given, extra_params={"user": "u", "temperature": 1.0}))
    sent = dict(server.last().body)
    del sent["messages"]
    assert sent == {"model": "m", "user": "u", **given}


def test_the_call_wins(server: StubServer) -> None:
    model = chat(server, temperature=0.1, max_tokens=256, stop=["a"], extra_params={"seed": 1})
    extra_body = {"user": "u"}
    model.invoke(
        "hi", temperature=0.9, max_tokens=None, stop=["b"], model="other", seed=2,
        extra_body=extra_body,
    )  # fmt: skip
    assert server.last().body == {
        "model": "other",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0.9,
        "stop": ["b"],
        "seed": 2,
        "user": "u",
    }
    assert extra_body == {"user": "u"}


def test_custom_inputs_stand_beside_extra_body(server: StubServer) -> None:
    server.play(
        json_reply({"choices": [{"message": {"content": "x"}}], "custom_outputs": {"o": 1}})
    )
    message = chat(server).invoke("hi", custom_inputs={"a": 1}, extra_body={"user": "u"})
    assert server.last().body["custom_inputs"] == {"a": 1}
    assert server.last().body["user"] == "u"
    assert message.additional_kwargs["custom_outputs"] == {"o": 1}


@pytest.mark.parametrize(
    ("flag", "path"),
    [
        ("use_ai_gateway", "/ai-gateway/mlflow/v1/chat/completions"),
        ("use_ai_gateway_native_api", "/ai-gateway/openai/v1/chat/completions"),
    ],
)
def test_gateways(server: StubServer, flag: str, path: str) -> None:
    ask_invoke(chat(server, **{flag: True}))
    assert server.last().path == path


def test_headers(server: StubServer) -> None:
    ask_invoke(chat(server, default_headers={"X-Team": "a", "User-Agent": "mine"}))
    headers = server.last().headers
    assert headers["authorization"] == f"Bearer {server.token}"
    assert (headers["x-team"], headers["user-agent"]) == ("a", "mine")


# --- arguments ----------------------------------------------------------------------------


def test_unknown_arguments_are_refused_by_name(server: StubServer) -> None:
    with pytest.raises(
        ValidationError, match="no argument 'temperatur'; did you mean 'temperature'"
    ):
        chat(server, temperatur=1)
    with pytest.raises(ValidationError, match=r"extra_params: \{'foo'"):
        chat(server, foo=1)
    with pytest.raises(ValidationError, match="exclude each other"):
        chat(server, use_ai_gateway=True, use_ai_gateway_native_api=True)
    with pytest.raises(ValidationError, match="target_uri"):
        chat(server, target_uri="file://x")


def test_documented_spellings(server: StubServer) -> None:
    model = ChatDatabricks(
        target_uri="databricks", endpoint="my-chat", temperature=0.1, host=server.host,
        api_key=server.token,
    )  # fmt: skip
    assert model.endpoint == model.model == "my-chat"
    assert model([HumanMessage(content="hello")]).content == "You said: hello"


def test_without_a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "databricks.sdk.core", None)
    with pytest.raises(CredentialsError, match="DATABRICKS_HOST"):
        ChatDatabricks(model="m").invoke("hi")


def test_the_environment(server: StubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", server.host + "/?o=1")
    monkeypatch.setenv("DATABRICKS_TOKEN", server.token)
    assert ChatDatabricks(model="m").invoke("hi").content == "You said: hi"


@each_way
def test_a_proxy_of_the_environment(
    server: StubServer, monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    from langchain_lakeserve._auth import proxy_for

    monkeypatch.setenv("http_proxy", server.host)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    proxy_for.cache_clear()
    try:
        assert ask(chat(server, host="http://nowhere.example")).content == "You said: hi"
        assert server.last().headers["host"] == "nowhere.example"
        assert ask(chat(server)).content == "You said: hi"
    finally:
        proxy_for.cache_clear()


# --- copies, dumps, secrets ---------------------------------------------------------------


@pytest.mark.parametrize("used", [False, True])
def test_copies_work(server: StubServer, used: bool) -> None:
    model = chat(server, temperature=0.5, default_headers={"x-secret": "hush"})
    if used:
        for ask in (ask_invoke, ask_ainvoke, ask_stream, ask_astream):
            ask(model)
    for twin in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), copy.copy(model)):
        assert twin.model_dump() == model.model_dump()
        assert ask_invoke(twin).content == "You said: hi"
    bound = model.bind_tools([{"name": "f", "description": "", "parameters": {}}])
    assert pickle.loads(pickle.dumps(bound)).kwargs["tools"]


def test_secrets_stay_inside(server: StubServer) -> None:
    from langchain_core.load import dumps

    model = chat(server, default_headers={"x-secret": "hush"})
    ask_invoke(model)
    shown = [
        repr(model),
        str(model),
        dumps(model),
        str(model.model_dump()),
        str(model._get_ls_params()),
        str(model._identifying_params),
        repr(model._client),
    ]
    for text in shown:
        assert server.token not in text
        assert "hush" not in text


def test_an_error_does_not_show_the_token(server: StubServer) -> None:
    with pytest.raises(AuthenticationError) as caught:
        ask_invoke(chat(server, token="dapi-very-secret"))
    assert "very-secret" not in repr(caught.value)


# --- usage --------------------------------------------------------------------------------


@each_way
def test_usage_and_metadata_are_the_same_each_way(server: StubServer, ask: Ask) -> None:
    message = ask(chat(server))
    assert message.content == "You said: hi"
    assert message.usage_metadata["input_tokens"] == 1
    assert message.usage_metadata["output_tokens"] == 3
    expected = {
        "model_provider": "databricks",
        "model_name": "m",
        "id": "chatcmpl-stub",
        "created": 1_700_000_000,
        "finish_reason": "stop",
        "prompt_tokens": 1,
        "completion_tokens": 3,
        "total_tokens": 4,
    }
    assert message.response_metadata == expected


@each_stream
def test_an_endpoint_that_refuses_stream_options(server: StubServer, ask: Ask) -> None:
    model = chat(server)
    refusal = json_reply({"error_code": "BAD_REQUEST", "message": "stream_options: no"}, 400)
    server.play(refusal)
    assert ask(model).content == "You said: hi"
    assert [("stream_options" in r.body) for r in server.requests] == [True, False]
    ask(model)  # remembered
    assert "stream_options" not in server.last().body


def test_usage_can_be_turned_off(server: StubServer) -> None:
    message = add(list(chat(server, stream_usage=False).stream("hi")))
    assert "stream_options" not in server.last().body
    assert message.usage_metadata is None
    message = add(list(chat(server).stream("hi", stream_usage=False)))
    assert message.usage_metadata is None


# --- replies ------------------------------------------------------------------------------


def test_n_choices(server: StubServer) -> None:
    result = chat(server, n=3).generate([[HumanMessage("hi")]])
    texts = [generation.text for generation in result.generations[0]]
    assert texts == ["You said: hi"] * 3
    counted = [
        generation.message.usage_metadata  # type: ignore[union-attr]
        for generation in result.generations[0]
    ]
    assert [usage is not None for usage in counted] == [True, False, False]


@each_way
def test_logprobs(server: StubServer, ask: Ask) -> None:
    message = ask(chat(server, logprobs=True))
    tokens = [entry["token"] for entry in message.response_metadata["logprobs"]["content"]]
    assert "".join(tokens) == "You said: hi"


def test_an_agents_reply(server: StubServer) -> None:
    server.play(
        json_reply(
            {
                "messages": [
                    {"role": "assistant", "content": "", "id": "1", "tool_calls": [
                        {"id": "c", "function": {"name": "f", "arguments": "{}"}}
                    ]},
                    {"role": "tool", "content": "42", "tool_call_id": "c", "id": "2"},
                    {"role": "assistant", "content": "It is 42.", "id": "3"},
                ],
                "custom_outputs": {"o": 1},
            }
        )
    )  # fmt: skip
    message = ask_invoke(chat(server))
    assert message.content == "It is 42."
    assert message.additional_kwargs["custom_outputs"] == {"o": 1}
    assert [m["type"] for m in message.additional_kwargs["agent_messages"]] == ["ai", "tool"]


def test_extras_of_a_message(server: StubServer) -> None:
    reply = {
        "content": "x",
        "refusal": "no",
        "annotations": [{"type": "url_citation"}],
        "reasoning_content": "hm",
    }
    server.play(json_reply({"choices": [{"message": reply}]}))
    message = ask_invoke(chat(server))
    assert message.additional_kwargs == {
        "refusal": "no", "annotations": [{"type": "url_citation"}], "reasoning_content": "hm"
    }  # fmt: skip
    assert message.content_blocks[0]["type"] == "reasoning"


@each_stream
def test_an_endpoint_that_cannot_stream(server: StubServer, ask: Ask) -> None:
    reply = {
        "model": "m",
        "choices": [{"index": 0, "message": {"content": "whole"}, "finish_reason": "stop"}],
    }
    server.play(json_reply(reply))
    assert ask(chat(server)).content == "whole"


# --- faults -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequestError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (429, RateLimitError),
        (500, ServerError),
        (503, ServerError),
    ],
)
@each_way
def test_statuses(server: StubServer, status: int, kind: type[StatusError], ask: Ask) -> None:
    body = {"error_code": "SOME_CODE", "message": "some text"}
    server.play(json_reply(body, status, x_request_id="r-1"))
    with pytest.raises(kind, match="some text") as caught:
        ask(chat(server, max_retries=0))
    error = caught.value
    assert (error.status, error.error_code) == (status, "SOME_CODE")
    assert (error.request_id, error.server_text) == ("r-1", "some text")
    assert pickle.loads(pickle.dumps(error)).status == status


@each_way
def test_transient_faults_are_tried_again(server: StubServer, ask: Ask) -> None:
    server.play(json_reply({"message": "busy"}, 429, retry_after="0"), Scripted([], cut=True))
    assert ask(chat(server)).content == "You said: hi"
    assert len(server.requests) == 3


@each_way
def test_retry_after_beyond_the_deadline_is_not_waited_for(server: StubServer, ask: Ask) -> None:
    server.play(json_reply({"message": "busy"}, 429, retry_after="60"))
    begun = time.monotonic()
    with pytest.raises(RateLimitError) as caught:
        ask(chat(server, timeout=5))
    assert time.monotonic() - begun < 2
    assert caught.value.retry_after == 60


def test_what_is_wrong_stays_wrong(server: StubServer) -> None:
    server.play(json_reply({"message": "bad"}, 400), json_reply({"message": "bad"}, 501))
    with pytest.raises(BadRequestError):
        ask_invoke(chat(server))
    with pytest.raises(ServerError):
        ask_invoke(chat(server))
    assert len(server.requests) == 2


@each_way
def test_slow_endpoints_hit_the_deadline(server: StubServer, ask: Ask) -> None:
    server.play(Scripted([b"{}"], delay=3))
    begun = time.monotonic()
    with pytest.raises(DeadlineExceededError):
        ask(chat(server, timeout=0.3))
    assert time.monotonic() - begun < 2
    assert len(server.requests) == 1


@each_way
def test_nobody_there(ask: Ask) -> None:
    model = ChatDatabricks(model="m", host="127.0.0.1:9", token="t", max_retries=1)
    with pytest.raises(ConnectionFailedError):
        ask(model)


@each_whole
@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (json_reply({"choices": []}), EmptyReplyError),
        (json_reply({"messages": []}), EmptyReplyError),
        (json_reply({"predictions": []}), ReplyError),
        (json_reply([1]), ReplyError),
        (json_reply({"error": {"message": "boom", "code": "X"}}), APIError),
        (Scripted([b"<html>"], headers={"content-type": "text/html"}), NotJSONError),
        (Scripted([b""], headers={"content-type": "application/json"}), NotJSONError),
    ],
)
def test_useless_replies(
    server: StubServer, script: Scripted, kind: type[Exception], ask: Ask
) -> None:
    server.play(script)
    with pytest.raises(kind):
        ask(chat(server))
    assert len(server.requests) == 1


PART = {"id": "x", "model": "m", "choices": [{"index": 0, "delta": {"content": "a"}}]}


@each_stream
@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (sse_reply([PART, PART], done=False, cut=True), StreamInterruptedError),
        (sse_reply([PART, PART], done=False), StreamInterruptedError),
        (sse_reply([PART, {"error": {"message": "boom"}}], done=False), StreamedAPIError),
        (sse_reply([], done=True), EmptyReplyError),
        (Scripted([b"<html>", b"</html>"], headers={"content-type": "text/html"}), NotJSONError),
    ],
)
def test_broken_streams(
    server: StubServer, script: Scripted, kind: type[Exception], ask: Ask
) -> None:
    server.play(script)
    with pytest.raises(kind):
        ask(chat(server))
    assert len(server.requests) == 1


@each_stream
def test_a_silent_stream_hits_the_timeout(server: StubServer, ask: Ask) -> None:
    server.play(sse_reply([PART] * 3, pause=2))
    with pytest.raises(DeadlineExceededError):
        ask(chat(server, timeout=0.4))


# --- closing ------------------------------------------------------------------------------


def wait_for(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 2
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


def test_leaving_a_stream_closes_the_connection(server: StubServer) -> None:
    server.play(sse_reply([PART] * 500, pause=0.02))
    for _ in chat(server).stream("hi"):
        break
    assert wait_for(lambda: server.open_streams == 0)


async def test_leaving_an_async_stream_closes_the_connection(server: StubServer) -> None:
    server.play(sse_reply([PART] * 500, pause=0.02))
    stream: AsyncIterator[AIMessageChunk] = chat(server).astream("hi")
    async for _ in stream:
        break
    await stream.aclose()  # type: ignore[attr-defined]
    for _ in range(100):
        await asyncio.sleep(0.01)
        if server.open_streams == 0:
            return
    pytest.fail("the server still streams")


async def test_cancelling_closes_the_connection(server: StubServer) -> None:
    server.play(sse_reply([PART] * 500, pause=0.02))

    async def read() -> None:
        async for _ in chat(server).astream("hi"):
            pass

    task = asyncio.ensure_future(read())
    await asyncio.sleep(0.2)
    assert server.open_streams == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for _ in range(100):
        await asyncio.sleep(0.01)
        if server.open_streams == 0:
            return
    pytest.fail("the server still streams")


@each_stream
def test_a_finished_stream_keeps_its_connection(server: StubServer, ask: Ask) -> None:
    from langchain_lakeserve import _http

    ask(chat(server))
    if ask is ask_stream:
        assert _http._connections._idle[server.host]


def test_loops_come_and_go(server: StubServer) -> None:
    model = chat(server)
    for _ in range(3):
        ask_ainvoke(model)
        ask_astream(model)
    gc.collect()  # an unclosed session would warn here, and warnings are errors


def test_a_loop_that_is_closed_without_ceremony(server: StubServer) -> None:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(chat(server).ainvoke("hi"))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    gc.collect()


async def test_two_hundred_at_once(server: StubServer) -> None:
    server.latency = 0.2
    model = chat(server)
    await asyncio.gather(*[model.ainvoke("hi") for _ in range(200)])
    begun = time.monotonic()
    await asyncio.gather(*[model.ainvoke("hi") for _ in range(200)])
    assert time.monotonic() - begun < 2  # the benchmark measures; here nothing may queue


def test_threads_share_connections(server: StubServer) -> None:
    replies = chat(server).batch(["hi"] * 50, config={"max_concurrency": 16})
    assert {reply.content for reply in replies} == {"You said: hi"}


# --- chains and structures ----------------------------------------------------------------


class City(BaseModel):
    """A city."""

    name: str
    inhabitants: int | None = None


@pytest.mark.parametrize("method", ["function_calling", "json_schema"])
@pytest.mark.parametrize("strict", [None, True, False])
def test_structured_output(server: StubServer, method: Any, strict: bool | None) -> None:
    prompt = ChatPromptTemplate.from_messages([("user", "About {city} 5")])
    model = chat(server).with_structured_output(City, method=method, strict=strict)
    city = (prompt | model).invoke({"city": "Paris"})
    assert isinstance(city, City)
    assert city.name == "About Paris 5"


def test_structured_output_with_raw(server: StubServer) -> None:
    model = chat(server).with_structured_output(City, method="json_schema", include_raw=True)
    result = model.invoke("Paris")
    assert isinstance(result, dict)
    assert result["parsed"].name == "Paris"
    assert result["parsing_error"] is None
    server.play(json_reply({"choices": [{"message": {"content": None, "refusal": "I won't"}}]}))
    result = model.invoke("Paris")
    assert result["parsed"] is None
    assert "I won't" in str(result["parsing_error"])


def test_structured_output_streams(server: StubServer) -> None:
    model = chat(server).with_structured_output(City.model_json_schema(), method="json_schema")
    parts = list(model.stream("Paris is big"))
    assert len(parts) > 1
    assert parts[-1]["name"] == "Paris is big"


@each_way
def test_a_refused_schema_is_explained(server: StubServer, ask: Ask) -> None:
    schema = {"type": "object", "properties": {"a": {"oneOf": [{"type": "string"}]}}}
    tools = [{"type": "function", "function": {"name": "f", "parameters": schema}}]
    server.play(json_reply({"message": "bad schema"}, 400))
    with pytest.raises(BadRequestError, match=r"bad schema.*use oneOf"):
        ask(chat(server, extra_params={"tools": tools}))


def test_structured_output_refuses_nonsense(server: StubServer) -> None:
    with pytest.raises(ValueError, match="method must be"):
        chat(server).with_structured_output(City, method="telepathy")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="needs a schema"):
        chat(server).with_structured_output(None)
