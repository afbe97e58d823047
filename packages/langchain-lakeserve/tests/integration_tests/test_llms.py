"""Databricks (text completion) over HTTP: every documented snippet."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import pytest
from langchain_core.load import dumps
from langchain_lakeserve import ConfigurationError, Databricks, NotFoundError, ServerError
from pydantic import ValidationError
from strict_endpoint.server import StubServer, json_reply

FINE = "You said: How are you? I am fine. Thank you!"


@pytest.fixture(autouse=True)
def _endpoints(server: StubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.tasks.update({"dolly": None, "my-chat": "llm/v1/chat", "my-text": "llm/v1/completions"})
    monkeypatch.setenv("DATABRICKS_HOST", server.host)
    monkeypatch.setenv("DATABRICKS_TOKEN", server.token)
    monkeypatch.setenv("DATABRICKS_CLUSTER_ID", "0000-000000-notebook")


def transform_input(**request: Any) -> dict[str, Any]:
    request["prompt"] = f"{request['prompt']} Be concise."
    return request


def transform_output(response: str) -> str:
    return response.upper()


def posted(server: StubServer) -> Any:
    return server.last().body


def test_a_custom_model(server: StubServer) -> None:
    llm = Databricks(endpoint_name="dolly")
    assert server.requests == []  # nothing is asked before a call
    assert llm("How are you?") == FINE
    assert posted(server) == {"dataframe_records": [{"prompt": "How are you?"}]}
    assert llm("How are you?", stop=["."]) == "You said: How are you? I am fine"
    assert posted(server) == {"dataframe_records": [{"prompt": "How are you?", "stop": ["."]}]}
    assert [r.method for r in server.requests] == ["GET", "POST", "POST"]


def test_host_is_honoured(server: StubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", "http://127.0.0.1:9")
    llm = Databricks(host=server.host, endpoint_name="dolly")
    assert llm.invoke("How are you?") == FINE


def test_model_kwargs(server: StubServer) -> None:
    server.play(json_reply({"task": "llm/v1/completions"}))
    llm = Databricks(endpoint_name="dolly", model_kwargs={"temperature": 0.1})
    server.play(json_reply({"choices": [{"text": "I am fine."}]}))
    assert llm("How are you?") == "I am fine."
    assert posted(server) == {"prompt": "How are you?", "temperature": 0.1}
    server.play(json_reply({"choices": [{"text": "I am fine."}]}))
    llm.invoke("How are you?", temperature=0.9)
    assert posted(server)["temperature"] == 0.9


def test_transforms(server: StubServer) -> None:
    llm = Databricks(endpoint_name="dolly", transform_input_fn=transform_input)
    assert "Be concise." in llm("How are you?")
    llm = Databricks(
        cluster_driver_port="7777",
        transform_input_fn=transform_input,
        transform_output_fn=transform_output,
    )
    assert llm("How are you?") == "YOU SAID: HOW ARE YOU? BE CONCISE. I AM FINE. THANK YOU!"


@pytest.mark.parametrize("port", ["7777", 7777])
def test_a_driver_app(server: StubServer, port: Any) -> None:
    llm = Databricks(cluster_id="0000-000000-xxxxxxxx", cluster_driver_port=port)
    assert llm("How are you?") == FINE
    assert server.last().path == "/driver-proxy-api/o/0/0000-000000-xxxxxxxx/7777/"
    assert posted(server) == {"prompt": "How are you?"}
    assert asyncio.run(llm.ainvoke("How are you?", stop=["."])).endswith("fine")


def test_a_driver_app_of_the_notebooks_cluster(
    server: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    llm = Databricks(cluster_driver_port="7777", model_kwargs={"temperature": 0.1})
    assert llm("How are you?") == FINE
    assert "/0000-000000-notebook/7777/" in server.last().path
    assert posted(server) == {"prompt": "How are you?", "temperature": 0.1}
    monkeypatch.delenv("DATABRICKS_CLUSTER_ID")
    with pytest.raises(ConfigurationError, match="cluster_id"):
        llm("How are you?")


def test_a_chat_endpoint_gets_messages(server: StubServer) -> None:
    llm = Databricks(endpoint_name="my-chat", temperature=0.5, max_tokens=9, stop=["x"], n=2)
    result = llm.generate(["hi", "ho"])
    assert [[g.text for g in gs] for gs in result.generations] == [
        ["You said: hi"] * 2,
        ["You said: ho"] * 2,
    ]
    assert posted(server) == {
        "messages": [{"role": "user", "content": "ho"}],
        "temperature": 0.5,
        "max_tokens": 9,
        "stop": ["x"],
        "n": 2,
    }
    assert result.llm_output is not None
    assert result.llm_output["token_usage"]["total_tokens"] > 0


def test_several_generations_of_a_custom_model(server: StubServer) -> None:
    result = Databricks(endpoint_name="dolly", n=3).generate(["hi"])
    assert len(result.generations[0]) == 3


@pytest.mark.parametrize("name", ["my-chat", "my-text", "dolly"])
def test_streams_and_async(server: StubServer, name: str) -> None:
    llm = Databricks(endpoint_name=name)
    whole = llm.invoke("hi there")
    parts = list(llm.stream("hi there"))
    assert "".join(parts) == whole
    assert (len(parts) > 1) is (name != "dolly")

    async def ask() -> tuple[str, list[str], list[str]]:
        return (
            await llm.ainvoke("hi there"),
            [part async for part in llm.astream("hi there")],
            await llm.abatch(["hi there"] * 20),
        )

    once, pieces, many = asyncio.run(ask())
    assert (once, "".join(pieces), many) == (whole, whole, [whole] * 20)


def test_errors(server: StubServer) -> None:
    with pytest.raises(NotFoundError, match="nowhere"):
        Databricks(endpoint_name="nowhere").invoke("hi")
    server.play(json_reply({"message": "app is down"}, 502))
    with pytest.raises(ServerError, match="app is down"):
        Databricks(cluster_driver_port=7777, max_retries=0).invoke("hi")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({}, "endpoint_name"),
        ({"endpoint_name": "a", "cluster_driver_port": 7777}, "not both"),
        ({"cluster_id": "c"}, "cluster_driver_port"),
        ({"cluster_driver_port": "http"}, "cluster_driver_port"),
        ({"cluster_driver_port": 0}, "cluster_driver_port"),
        ({"endpoint_name": "a", "model_kwargs": {"stop": 1}}, "stop"),
        ({"endpoint_name": "a", "model_kwargs": {"x": 1}, "extra_params": {"y": 1}}, "the same"),
        ({"endpoint_name": "a", "colour": "red"}, "colour"),
        ({"endpoint_name": "a", "transform_input_fn": "80"}, "allow_dangerous_deserialization"),
    ],
)
def test_arguments_that_cannot_work(arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(ValidationError, match=match):
        Databricks(**arguments)


def test_a_pickled_function_is_loaded_only_by_permission(server: StubServer) -> None:
    text = pickle.dumps(str.upper).hex()
    llm = Databricks(
        endpoint_name="dolly", transform_output_fn=text, allow_dangerous_deserialization=True
    )
    assert llm.invoke("hi").startswith("YOU SAID")


def test_secrets_stay_inside(server: StubServer) -> None:
    llm = Databricks(endpoint_name="dolly", api_token="dapi-other-secret")
    for text in (repr(llm), str(llm), dumps(llm), str(llm.model_dump()), str(llm.asdict())):
        assert "other-secret" not in text


def test_copies(server: StubServer) -> None:
    llm = Databricks(endpoint_name="dolly")
    llm.invoke("hi")
    assert pickle.loads(pickle.dumps(llm)).invoke("How are you?") == FINE
