"""Each real client through each provider's translation, to servers as strict as the vendors."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import orjson
import pytest
from acme_distribution import installed
from harness import PlatformProcess, start_platform, wait_until
from langchain_lakeserve import ChatDatabricks, Databricks, DatabricksEmbeddings
from pydantic import BaseModel
from token_services import TokenService, token_service
from vendors.endpoints import VendorEndpoint, vendor_endpoints
from vendors.street import AWS_SECRET, KEY, Street, open_street

PROGRAM = Path(__file__).parent / "clients" / "vendors_program.py"
INTERPRETER = "OTHER_CLIENTS_PYTHON"
API = "/api/2.0/serving-endpoints"
SAID = "You said: Grüße"
QUESTION: Any = [{"role": "user", "content": "Grüße"}]


class City(BaseModel):
    """A city."""

    city: str


@dataclass
class Town:
    """A platform, the street of vendors, and the endpoints that lead there."""

    platform: PlatformProcess
    street: Street
    endpoints: list[VendorEndpoint]

    def of(self, task: str) -> Iterator[VendorEndpoint]:
        return (endpoint for endpoint in self.endpoints if endpoint.task == task)

    def state(self, name: str) -> dict[str, Any]:
        value: dict[str, Any] = self.platform.request("GET", f"{API}/{name}").json()
        return value

    def make(self, endpoint: VendorEndpoint) -> None:
        entity = {"name": endpoint.name, "external_model": endpoint.model}
        body = {"name": endpoint.name, "config": {"served_entities": [entity]}}
        reply = self.platform.request("POST", API, body)
        assert reply.status == 200, reply.body
        assert KEY.encode() not in reply.body
        assert AWS_SECRET.encode() not in reply.body

    def is_ready(self, name: str) -> bool:
        """Whether an endpoint comes to serve."""
        return wait_until(lambda: bool(self.state(name)["state"]["ready"] == "READY"))


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TokenService, Path]]:
    """Google's token service, and Microsoft's with a certificate of its own."""
    folder = tmp_path_factory.mktemp("entra")
    with token_service(folder) as entra:
        yield entra, folder / "ca.pem"


@pytest.fixture(scope="module")
def town(
    services: tuple[TokenService, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Town]:
    entra, ca_file = services
    with contextlib.ExitStack() as stack:
        google = stack.enter_context(token_service())
        street = stack.enter_context(open_street(google, entra))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("REQUESTS_CA_BUNDLE", str(ca_file))
            patch.setenv("PYTHONPATH", str(installed(tmp_path_factory.mktemp("acme"))))
            running = start_platform(tmp_path_factory.mktemp("vendors") / "data")
        stack.callback(running.stop)
        made = Town(running, street, vendor_endpoints(street))
        for endpoint in made.endpoints:
            made.make(endpoint)
        for endpoint in made.endpoints:
            assert made.is_ready(endpoint.name), made.state(endpoint.name)
        yield made
        assert street.upstream.faults == []


@pytest.fixture
def client(town: Town) -> Iterator[openai.OpenAI]:
    base = f"{town.platform.url}/serving-endpoints"
    with openai.OpenAI(api_key=town.platform.token, base_url=base, max_retries=0) as made:
        yield made


@pytest.fixture
def environment(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in town.platform.environment.items():
        monkeypatch.setenv(name, value)


def test_the_clients_of_others(town: Town) -> None:
    interpreter = os.environ.get(INTERPRETER)
    if interpreter is None:
        pytest.skip(f"{INTERPRETER} names no interpreter that has these clients (make test does)")
    listed = [
        {
            "name": endpoint.name,
            "task": endpoint.task,
            "streams": endpoint.streams,
            "tools": endpoint.tools,
        }
        for endpoint in town.endpoints
    ]
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("LAKESERVE_", "OPENAI_"))}
    own = town.platform.environment | {
        "ENDPOINTS": orjson.dumps(listed).decode(),
        "MLFLOW_TRACKING_URI": "file:///dev/null",
    }
    result = subprocess.run(
        [Path(interpreter).absolute(), PROGRAM],
        env=inherited | own,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-8000:]
    assert result.stdout.endswith("passed\n")
    assert town.street.refused == []


def test_chat_with_our_client(town: Town, environment: None) -> None:
    def weather(city: str) -> str:
        """Get the current weather for a city."""
        return city

    for endpoint in town.of("chat"):
        chat = ChatDatabricks(endpoint=endpoint.name)
        assert chat.invoke("Grüße").content == SAID, endpoint.name
        if endpoint.streams:
            parts = list(chat.stream("Grüße"))
            assert "".join(str(part.content) for part in parts) == SAID, endpoint.name
            used = [part.usage_metadata for part in parts if part.usage_metadata]
            assert used[-1]["total_tokens"] == 18, endpoint.name
        if endpoint.tools:
            called = chat.bind_tools([weather]).invoke("Weather?")
            assert called.tool_calls[0]["args"] == {"city": "Zürich"}, endpoint.name
        if endpoint.schema:
            shaped = chat.with_structured_output(City, method="json_schema").invoke("A city?")
            assert shaped == City(city="Zürich"), endpoint.name
    assert town.street.refused == []


def test_completions_and_embeddings_with_our_client(town: Town, environment: None) -> None:
    for endpoint in town.of("completions"):
        llm = Databricks(endpoint_name=endpoint.name)
        assert llm.invoke("Grüße") == SAID, endpoint.name
    for endpoint in town.of("embeddings"):
        vectors = DatabricksEmbeddings(endpoint=endpoint.name)
        assert vectors.embed_query("abc") == [3.0, 0.5], endpoint.name
        texts = ["x" * size for size in range(1, 102)]
        expected = [[float(len(text)), 0.5] for text in texts]
        assert vectors.embed_documents(texts) == expected, endpoint.name
    assert town.street.refused == []


def test_tools_both_ways(town: Town, client: openai.OpenAI) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool: Any = {"type": "function", "function": {"name": "weather", "parameters": schema}}
    for endpoint in town.of("chat"):
        if not endpoint.tools:
            continue
        turns: Any = [{"role": "user", "content": "Weather?"}]
        asked = client.chat.completions.create(model=endpoint.name, messages=turns, tools=[tool])
        message = asked.choices[0].message
        assert message.tool_calls is not None, endpoint.name
        turns += [
            message.model_dump(exclude_none=True),
            {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "sunny"},
        ]
        told = client.chat.completions.create(model=endpoint.name, messages=turns, tools=[tool])
        assert told.choices[0].message.content == "The tool says sunny.", endpoint.name
    assert town.street.refused == []


def test_responses(town: Town, client: openai.OpenAI) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool: Any = {"type": "function", "name": "weather", "parameters": schema}
    for endpoint in town.of("chat"):
        name = endpoint.name
        assert client.responses.create(model=name, input="Grüße").output_text == SAID, name
        if endpoint.streams:
            with client.responses.stream(model=name, input="Grüße") as stream:
                kinds = [event.type for event in stream]
                assert stream.get_final_response().output_text == SAID, name
            assert (kinds[0], kinds[-1]) == ("response.created", "response.completed"), name
        if endpoint.schema:
            parsed = client.responses.parse(model=name, input="A city?", text_format=City)
            assert parsed.output_parsed == City(city="Zürich"), name
        if endpoint.tools:
            asked = client.responses.create(model=name, input="Weather?", tools=[tool])
            (call,) = [item for item in asked.output if item.type == "function_call"]
            assert orjson.loads(call.arguments) == {"city": "Zürich"}, name
            result = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
            turns: Any = [{"role": "user", "content": "Weather?"}, call.to_dict(), result]
            told = client.responses.create(model=name, input=turns, tools=[tool])
            assert told.output_text == "The tool says sunny.", name
    assert town.street.refused == []


def test_responses_with_our_client(town: Town, environment: None) -> None:
    for endpoint in town.of("chat"):
        chat = ChatDatabricks(endpoint=endpoint.name, use_responses_api=True)
        assert chat.invoke("Grüße").text == SAID, endpoint.name
        if endpoint.streams:
            parts = list(chat.stream("Grüße"))
            assert "".join(part.text for part in parts) == SAID, endpoint.name
    assert town.street.refused == []


def test_the_unified_paths(town: Town) -> None:
    for provider in ("mlflow", "openai"):
        base = f"{town.platform.url}/ai-gateway/{provider}/v1"
        with openai.OpenAI(api_key=town.platform.token, base_url=base, max_retries=0) as client:
            chat = client.chat.completions.create(model="v-cohere-chat", messages=QUESTION)
            assert chat.choices[0].message.content == SAID
            response = client.responses.create(model="v-cohere-chat", input="Grüße")
            assert response.output_text == SAID
            vectors = client.embeddings.create(model="v-vertex-vectors", input="abc")
            assert vectors.data[0].embedding == [3.0, 0.5]
            names = {model.id for model in client.models.list()}
            assert names >= {endpoint.name for endpoint in town.endpoints}
            assert client.models.retrieve("v-cohere-chat").owned_by == "cohere"
    listed = town.platform.request("GET", "/ai-gateway/anthropic/v1/models?limit=1000").json()
    assert {each["id"] for each in listed["data"]} == {"v-claude-chat", "v-vertex-claude-chat"}
    assert town.platform.request("GET", "/api/ai-gateway/v2/endpoints").status == 404


def test_native_paths(town: Town) -> None:
    said = {"max_tokens": 64, "messages": QUESTION}
    for name in ("v-claude-chat", "v-vertex-claude-chat"):
        for place in ("serving-endpoints", "ai-gateway"):
            path = f"/{place}/anthropic/v1/messages"
            reply = town.platform.request("POST", path, {**said, "model": name})
            assert reply.json()["content"] == [{"type": "text", "text": SAID}]
            body = {**said, "model": name, "stream": True}
            events = town.platform.request("POST", path, body).body
            assert events.startswith(b"event: message_start\ndata: ")
            assert b"[DONE]" not in events
    path = "/serving-endpoints/gemini/v1beta/models/v-gemini-chat"
    asked = {"contents": [{"role": "user", "parts": [{"text": "Grüße"}]}]}
    whole = town.platform.request("POST", f"{path}:generateContent", asked).json()
    parts = whole["candidates"][0]["content"]["parts"]
    assert "".join(part["text"] for part in parts) == SAID
    events = town.platform.request("POST", f"{path}:streamGenerateContent?alt=sse", asked).body
    assert events.count(b"data: ") == 3
    assert town.street.refused == []


def test_thoughts_both_ways(town: Town, client: openai.OpenAI) -> None:
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    for name in ("v-claude-chat", "v-vertex-claude-chat", "v-bedrock-chat"):
        turns: Any = list(QUESTION)
        asked = client.chat.completions.create(
            model=name, messages=turns, max_tokens=2048, extra_body=thinking
        )
        content: Any = asked.choices[0].message.content
        assert content[0]["summary"][0]["text"] == "Let me think.", name
        turns += [{"role": "assistant", "content": content}, *QUESTION]
        client.chat.completions.create(
            model=name, messages=turns, max_tokens=2048, extra_body=thinking
        )
    assert town.street.refused == []


def test_tokens_that_expire_are_renewed(town: Town, client: openai.OpenAI) -> None:
    for service in (town.street.google, town.street.entra):
        service.life_s = 1
    try:
        for name in ("v-gemini-chat", "v-entra-chat"):
            endpoint = next(each for each in town.endpoints if each.name == name)
            other = VendorEndpoint(f"{name}-short", endpoint.model)
            town.make(other)
            assert town.is_ready(other.name)
            for _ in range(3):
                asked = client.chat.completions.create(model=other.name, messages=QUESTION)
                assert asked.choices[0].message.content == SAID
                wait_until(lambda: False, 0.6)
    finally:
        for service in (town.street.google, town.street.entra):
            service.life_s = 3600
    assert town.street.refused == []


def test_wrong_credentials(town: Town, client: openai.OpenAI) -> None:
    wrong = {
        "v-bedrock-chat": ("amazon_bedrock_config", "aws_secret_access_key_plaintext"),
        "v-entra-chat": ("openai_config", "microsoft_entra_client_secret_plaintext"),
        "v-openai-chat": ("openai_config", "openai_api_key_plaintext"),
        "v-cohere-chat": ("cohere_config", "cohere_api_key_plaintext"),
    }
    for name, (block, field) in wrong.items():
        endpoint = next(each for each in town.endpoints if each.name == name)
        config = {**endpoint.model[block], field: "wrong-secret"}
        other = VendorEndpoint(f"{name}-wrong", {**endpoint.model, block: config})
        town.make(other)
        assert town.is_ready(other.name)
        with pytest.raises(openai.PermissionDeniedError) as caught:
            client.chat.completions.create(model=other.name, messages=QUESTION)
        assert "wrong-secret" not in str(caught.value)
    town.street.refused.clear()


def test_a_key_file_that_is_none(town: Town) -> None:
    endpoint = next(each for each in town.endpoints if each.name == "v-gemini-chat")
    block = "google_cloud_vertex_ai_config"
    config = {**endpoint.model[block], "private_key_plaintext": "no key file"}
    other = VendorEndpoint("v-gemini-none", {**endpoint.model, block: config})
    town.make(other)
    assert wait_until(lambda: town.state(other.name)["state"]["config_update"] != "IN_PROGRESS"), (
        town.state(other.name)
    )
    (entity,) = town.state(other.name)["config"]["served_entities"]
    assert "JSON text of a service account" in entity["state"]["deployment_state_message"]
