"""ChatDatabricks over HTTP: requests, replies, copies, structures."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_lakeserve import (
    AuthenticationError,
    BadRequestError,
    ChatDatabricks,
    CredentialsError,
)
from pydantic import BaseModel, ValidationError
from strict_endpoint.server import StubServer, json_reply
from strict_endpoint.ways import (
    add,
    ask_ainvoke,
    ask_astream,
    ask_invoke,
    ask_stream,
    chat,
)

Ask = Callable[[ChatDatabricks], Any]


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
