"""Models of MLflow behind endpoints: real workers, each in an interpreter that has MLflow."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import PlatformProcess, Reply, start_platform, wait_until

INTERPRETER = "OTHER_CLIENTS_PYTHON"
API = "/api/2.0/serving-endpoints"
SAVE = Path(__file__).parent / "models" / "save_models.py"
# Importing MLflow takes seconds, and on a busy machine many.
PATIENCE_S = 240


@pytest.fixture(scope="module")
def mlflow_python() -> str:
    interpreter = os.environ.get(INTERPRETER)
    if interpreter is None:
        pytest.skip(f"{INTERPRETER} names no interpreter that has MLflow (make test does)")
    return str(Path(interpreter).absolute())


@pytest.fixture(scope="module")
def models(mlflow_python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("models")
    saved = subprocess.run(
        [mlflow_python, SAVE, directory], capture_output=True, text=True, check=False, cwd=directory
    )
    assert saved.stdout.endswith("saved\n"), saved.stderr[-4000:]
    return directory


@pytest.fixture(scope="module")
def serving(
    mlflow_python: str, models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PlatformProcess]:
    place = tmp_path_factory.mktemp("serving")
    (place / "lakeserve.toml").write_text(
        f'models_dirs = ["{models}"]\n'
        f'[mlflow]\npython = "{mlflow_python}"\nenvironment = "shared"\n'
    )
    running = start_platform(place / "data", "--config", str(place / "lakeserve.toml"))
    try:
        yield running
    finally:
        running.stop()


def create(platform: PlatformProcess, name: str, model: Path, **entity: Any) -> None:
    config = {"served_entities": [{"entity_name": str(model), **entity}]}
    reply = platform.request("POST", API, {"name": name, "config": config})
    assert reply.status == 200, reply.body


def endpoint(platform: PlatformProcess, name: str) -> Any:
    return platform.request("GET", f"{API}/{name}").json()


def settled(platform: PlatformProcess, name: str) -> Any:
    """The endpoint once its deployment has come to an end."""

    def is_over() -> bool:
        return bool(endpoint(platform, name)["state"]["config_update"] != "IN_PROGRESS")

    assert wait_until(is_over, PATIENCE_S), endpoint(platform, name)
    return endpoint(platform, name)


def query(platform: PlatformProcess, name: str, body: Any, **headers: str) -> Reply:
    return platform.request("POST", f"/serving-endpoints/{name}/invocations", body, headers)


def entity_state(shown: Any) -> tuple[str, str]:
    state = shown["config"]["served_entities"][0]["state"]
    return state["deployment"], state["deployment_state_message"]


def test_a_pyfunc_from_its_creation_to_its_end(serving: PlatformProcess, models: Path) -> None:
    create(serving, "double", models / "double", environment_vars={"COLOUR": "green"})
    assert endpoint(serving, "double")["state"]["ready"] == "NOT_READY"
    shown = settled(serving, "double")
    assert shown["state"] == {"ready": "READY", "config_update": "NOT_UPDATING"}
    assert shown["endpoint_type"] == "CUSTOM_MODEL"
    assert "task" not in shown
    entity = shown["config"]["served_entities"][0]
    assert (entity["name"], entity["workload_size"]) == ("double", "Small")
    assert shown["config"]["served_models"][0]["model_name"] == str(models / "double")

    split = {"dataframe_split": {"columns": ["x"], "data": [[1.5], [2]]}}
    formats: tuple[dict[str, Any], ...] = (
        split,
        {"dataframe_records": [{"x": 1.5}, {"x": 2}]},
        {"inputs": {"x": [1.5, 2]}},
        {"instances": [{"x": 1.5}, {"x": 2}]},
    )
    for body in formats:
        reply = query(serving, "double", body)
        assert reply.json() == {"predictions": [{"x": 3.0}, {"x": 4.0}]}, body

    not_a_number = b'{"dataframe_split": {"columns": ["x"], "data": [[NaN]]}}'
    assert query(serving, "double", not_a_number).json() == {"predictions": [{"x": None}]}
    csv = query(serving, "double", b"x\n1.5\n", **{"Content-Type": "text/csv"})
    assert csv.json() == {"predictions": [{"x": 3.0}]}
    large = {"inputs": {"x": [1.5] * 1_000_000}}  # between 4 and 16 MB
    assert len(query(serving, "double", large).json()["predictions"]) == 1_000_000

    def wish(what: str) -> Reply:
        return query(serving, "double", {**split, "params": {"wish": what}})

    assert wish("variable").json() == {"predictions": ["green"]}
    refusals: tuple[tuple[dict[str, Any], str], ...] = (
        ({"dataframe_split": {"columns": ["y"], "data": [[1]]}}, "missing inputs ['x']"),
        ({"dataframe_split": {"columns": ["x"], "data": [["a"]]}}, "column x"),
        ({**split, "params": {"wish": 3}}, "wish"),
        ({"unknown": 1}, "exactly one of the input fields"),
    )
    for body, message in refusals:
        refused = query(serving, "double", body)
        assert refused.status == 400
        assert message in refused.json()["message"]
    raised = wish("raise")
    assert raised.status == 400
    assert raised.json()["message"] == "The model failed: ValueError: the model does not want to"
    assert wish("memory").json()["message"] == "The model ran out of memory."
    assert query(serving, "double", split).status == 200

    assert wish("crash").status == 503
    assert wait_until(lambda: query(serving, "double", split).status == 200, PATIENCE_S)

    assert serving.request("DELETE", f"{API}/double").status == 200
    assert query(serving, "double", split).status == 404


def test_chat_models_and_agents(serving: PlatformProcess, models: Path) -> None:
    for name in ("parrot", "agent", "responder"):
        create(serving, name, models / name, scale_to_zero_enabled=True)
    tasks = {name: settled(serving, name).get("task") for name in ("parrot", "agent", "responder")}
    assert tasks == {
        "parrot": "agent/v1/chat",
        "agent": "agent/v2/chat",
        "responder": "agent/v1/responses",
    }
    say = {"messages": [{"role": "user", "content": "two words"}]}
    whole = query(serving, "parrot", {**say, "client_request_id": "7"}).json()
    assert whole["choices"][0]["message"]["content"] == "two words"
    stream = query(serving, "parrot", {**say, "stream": True})
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert stream.body.count(b"data: {") == 2
    assert stream.body.endswith(b"data: [DONE]\n\n")
    by_model = serving.request(
        "POST", "/serving-endpoints/chat/completions", {**say, "model": "parrot"}
    )
    assert by_model.json()["choices"][0]["message"]["content"] == "two words"

    said = query(serving, "agent", {**say, "custom_inputs": {"a": 1}}).json()
    assert said["messages"][0]["content"] == "two words"
    assert said["custom_outputs"] == {"a": 1}
    assert query(serving, "agent", {**say, "stream": True}).body.count(b'"delta"') == 2

    asked = {"input": [{"role": "user", "content": "two words"}]}
    output = query(serving, "responder", asked).json()["output"]
    assert output[0]["content"][0]["text"] == "two words"
    events = query(serving, "responder", {**asked, "stream": True}).body
    assert events.count(b"response.output_text.delta") == 2
    missing = query(serving, "responder", {"messages": []})
    assert (missing.status, "'input'" in missing.json()["message"]) == (400, True)
