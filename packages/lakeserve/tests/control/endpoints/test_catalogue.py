from pathlib import Path
from typing import Any

import pytest
from lakeserve.control.endpoints.catalogue import CATALOGUE, foundation_endpoints
from lakeserve.core.endpoints import Endpoint, LocalModel, LocalServer, OpenAICompatible, Scale
from lakeserve.core.errors import ConfigurationError
from lakeserve.foundation_settings import (
    Foundation,
    ServedModel,
    ServerProgram,
    Upstream,
    VllmServer,
)
from lakeserve.workers.protocols import ModelKind

DBRX = "databricks-dbrx-instruct"
BGE = "databricks-bge-large-en"


def built(overrides: dict[str, Foundation]) -> dict[str, Endpoint]:
    return {endpoint.name: endpoint for endpoint in foundation_endpoints(overrides, now_ms=1)}


def only_entity(endpoint: Endpoint) -> Any:
    (entity,) = endpoint.entities
    return entity


def test_names_and_ids_are_unique_and_stay_the_same() -> None:
    endpoints = foundation_endpoints({}, now_ms=1)
    ids = [endpoint.id for endpoint in endpoints]
    ids += [entity.id for endpoint in endpoints for entity in endpoint.entities]
    assert len(set(ids)) == 2 * len(CATALOGUE)
    assert len({endpoint.name for endpoint in endpoints}) == len(CATALOGUE)
    assert foundation_endpoints({}, now_ms=1) == endpoints


def test_the_documented_names_start_with_the_platform() -> None:
    eager = {entry.name for entry in CATALOGUE if entry.start == "eager"}
    assert eager == {DBRX, "databricks-meta-llama-3-70b-instruct", BGE}


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.name)
def test_every_endpoint_says_what_serves_it(entry: Any) -> None:
    endpoint = built({})[entry.name]
    assert endpoint.description.startswith("Served by ")
    assert f"not by {entry.title}" in endpoint.description
    assert only_entity(endpoint).model_name in {
        "lakeserve-demo",
        "all-MiniLM-L6-v2 (384 dimensions)",
    }


def test_a_model_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.gguf").touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in (str(tmp_path / "own.gguf"), "~/own.gguf"):
        entity = only_entity(built({"databricks-gpt-5-1": value})["databricks-gpt-5-1"])
        assert entity.backend == LocalModel(str(tmp_path / "own.gguf"))
        assert (entity.model_name, entity.start) == ("own.gguf", "eager")
        assert "demo" not in built({"databricks-gpt-5-1": value})["databricks-gpt-5-1"].description


@pytest.mark.parametrize(
    ("value", "backend"),
    [
        ("http://127.0.0.1:11434/v1/", OpenAICompatible("http://127.0.0.1:11434/v1", DBRX)),
        (
            Upstream.model_validate({"url": "https://host/v1", "model": "m", "api_key": "k"}),
            OpenAICompatible("https://host/v1", "m"),
        ),
        (Upstream(url="https://host/v1"), OpenAICompatible("https://host/v1", DBRX)),
        ("demo", LocalModel("demo")),
    ],
)
def test_other_backends(value: Foundation, backend: object) -> None:
    assert only_entity(built({DBRX: value})[DBRX]).backend == backend


@pytest.mark.parametrize(
    ("name", "value", "task"),
    [
        ("databricks-mine", "demo", "llm/v1/chat"),
        ("databricks-mine", "http://host/v1", "llm/v1/chat"),
        ("databricks-mine", "minilm", "llm/v1/embeddings"),
        ("databricks-nomic-embed-text", "http://host/v1", "llm/v1/embeddings"),
        ("databricks-mine", Upstream(url="http://host", model="bge-m3"), "llm/v1/embeddings"),
    ],
)
def test_a_name_of_ones_own(name: str, value: Foundation, task: str) -> None:
    endpoint = built({name: value})[name]
    assert (endpoint.task, endpoint.endpoint_type) == (task, "FOUNDATION_MODEL_API")
    assert len(built({name: value})) == len(CATALOGUE) + 1


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("gpt-4", "demo", "foundation.gpt-4: .*'databricks-' followed by"),
        ("databricks-a b", "demo", "cannot name a foundation endpoint"),
        ("databricks-" + "x" * 53, "demo", "at most 63 characters"),
        (DBRX, "minilm", f"foundation.{DBRX}: 'minilm' cannot serve the task llm/v1/chat"),
        (BGE, "demo", "accepted: 'minilm'"),
        (DBRX, "gpt2", "'gpt2' is unknown; accepted: 'demo'"),
        (DBRX, "models/own.gguf", "is unknown.*absolute"),
        (DBRX, "/nowhere/own.gguf", "file '/nowhere/own.gguf' does not exist"),
        (DBRX, "ftp://host/x", "is unknown"),
        (DBRX, "http://", "is not an http:// or https:// address"),
        (DBRX, "http://host:port/v1", "is not an http:// or https:// address"),
        (DBRX, "http://user:pw@host/v1", "may not carry a user"),
        (DBRX, "http://host/v1?key=x", "'api_key'"),
    ],
)
def test_what_is_refused(name: str, value: str, text: str) -> None:
    with pytest.raises(ConfigurationError, match=text) as refused:
        foundation_endpoints({name: value}, now_ms=1)
    assert "pw" not in str(refused.value)


def test_models_that_were_added() -> None:
    models: dict[str, ModelKind] = {"mine": "chat", "vectors": "embedding"}
    overrides: dict[str, Foundation] = {
        DBRX: "mine",
        BGE: "vectors",
        "databricks-own": "vectors",
    }
    endpoints = {each.name: each for each in foundation_endpoints(overrides, 1, models)}
    entity = only_entity(endpoints[DBRX])
    assert (entity.backend, entity.model_name) == (LocalModel("mine"), "mine")
    assert endpoints["databricks-own"].task == "llm/v1/embeddings"
    with pytest.raises(ConfigurationError, match="'vectors' is a model of kind 'embedding'"):
        foundation_endpoints({DBRX: "vectors"}, 1, models)


def test_server_programs_of_this_machine() -> None:
    overrides: dict[str, Foundation] = {
        DBRX: VllmServer(vllm="/models/qwen", replicas=2),
        "databricks-mine": ServerProgram(command=("/bin/srv", "--port", "{port}")),
    }
    endpoints = {each.name: each for each in foundation_endpoints(overrides, 1)}
    entity = only_entity(endpoints[DBRX])
    assert entity.backend == LocalServer(DBRX, Scale(replicas=2))
    assert (entity.model_name, entity.start) == ("qwen", "eager")
    assert endpoints[DBRX].description == "Served by qwen, as the settings of this platform say."
    assert "srv" in only_entity(endpoints["databricks-mine"]).model_description


def test_how_a_model_is_served() -> None:
    overrides: dict[str, Foundation] = {
        DBRX: ServedModel(model="demo", replicas=2, concurrency=8, max_replicas=4),
        "databricks-mine": ServedModel(model="minilm", scale_to_zero=True),
    }
    endpoints = {each.name: each for each in foundation_endpoints(overrides, 1)}
    entity = only_entity(endpoints[DBRX])
    assert entity.backend == LocalModel("demo", Scale(8, 2, most_replicas=4))
    assert (entity.model_name, entity.start) == ("lakeserve-demo", "eager")
    assert "tiny lakeserve demo model" in endpoints[DBRX].description
    mine = endpoints["databricks-mine"]
    assert (mine.task, only_entity(mine).start) == ("llm/v1/embeddings", "on-demand")
    with pytest.raises(ConfigurationError, match="'minilm' cannot serve"):
        foundation_endpoints({DBRX: ServedModel(model="minilm")}, 1)
