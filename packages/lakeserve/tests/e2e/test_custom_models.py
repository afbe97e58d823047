"""Models of MLflow behind endpoints: real workers, each in an interpreter that has MLflow."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from e2e.custom_endpoints import (
    API,
    PATIENCE_S,
    create,
    endpoint,
    query,
    serving_models,
    settled,
)
from harness import PlatformProcess, Reply, start_platform, wait_until
from lakeserve.core.errors import EngineError
from lakeserve.workers.logs import MAX_LOG_BYTES
from lakeserve.workers.mlflow_program import MlflowProgram
from lakeserve.workers.process import ProcessRunner
from lakeserve.workers.protocols import WorkerSpec


@pytest.fixture(scope="module")
def serving_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("serving")


@pytest.fixture(scope="module")
def serving(mlflow_python: str, models: Path, serving_dir: Path) -> Iterator[PlatformProcess]:
    config = (
        f'models_dirs = ["{models}"]\n'
        f'[mlflow]\npython = "{mlflow_python}"\nenvironment = "shared"\n'
    )
    with serving_models(serving_dir, config) as running:
        yield running


def entity_state(shown: Any) -> tuple[str, str]:
    state = shown["config"]["served_entities"][0]["state"]
    return state["deployment"], state["deployment_state_message"]


SPLIT: dict[str, Any] = {"dataframe_split": {"columns": ["x"], "data": [[1.5], [2]]}}


@pytest.fixture(scope="module")
def double(serving: PlatformProcess, models: Path) -> PlatformProcess:
    """A platform with a ready endpoint ``double``."""
    create(serving, "double", models / "double", environment_vars={"COLOUR": "green"})
    assert endpoint(serving, "double")["state"]["ready"] == "NOT_READY"
    assert settled(serving, "double")["state"]["ready"] == "READY"
    return serving


def wish(platform: PlatformProcess, what: object) -> Reply:
    return query(platform, "double", {**SPLIT, "params": {"wish": what}})


def test_how_it_is_shown(double: PlatformProcess, models: Path) -> None:
    shown = endpoint(double, "double")
    assert shown["state"] == {"ready": "READY", "config_update": "NOT_UPDATING"}
    assert shown["endpoint_type"] == "CUSTOM_MODEL"
    assert "task" not in shown
    entity = shown["config"]["served_entities"][0]
    assert (entity["name"], entity["workload_size"]) == ("double", "Small")
    assert shown["config"]["served_models"][0]["model_name"] == str(models / "double")


@pytest.mark.parametrize(
    "body",
    [
        SPLIT,
        {"dataframe_records": [{"x": 1.5}, {"x": 2}]},
        {"inputs": {"x": [1.5, 2]}},
        {"instances": [{"x": 1.5}, {"x": 2}]},
    ],
)
def test_every_format(double: PlatformProcess, body: dict[str, Any]) -> None:
    reply = query(double, "double", body)
    assert reply.json() == {"predictions": [{"x": 3.0}, {"x": 4.0}]}


def test_odd_bodies(double: PlatformProcess) -> None:
    not_a_number = b'{"dataframe_split": {"columns": ["x"], "data": [[NaN]]}}'
    assert query(double, "double", not_a_number).json() == {"predictions": [{"x": None}]}
    csv = query(double, "double", b"x\n1.5\n", **{"Content-Type": "text/csv"})
    assert csv.json() == {"predictions": [{"x": 3.0}]}
    large = {"inputs": {"x": [1.5] * 1_000_000}}  # between 4 and 16 MB
    assert len(query(double, "double", large).json()["predictions"]) == 1_000_000


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"dataframe_split": {"columns": ["y"], "data": [[1]]}}, "missing inputs ['x']"),
        ({"dataframe_split": {"columns": ["x"], "data": [["a"]]}}, "column x"),
        ({**SPLIT, "params": {"wish": 3}}, "wish"),
        ({"unknown": 1}, "exactly one of the input fields"),
    ],
)
def test_errors_name_what_is_wrong(
    double: PlatformProcess, body: dict[str, Any], message: str
) -> None:
    refused = query(double, "double", body)
    assert refused.status == 400
    assert message in refused.json()["message"]


def test_what_a_model_does_harms_nobody(double: PlatformProcess, serving_dir: Path) -> None:
    assert wish(double, "variable").json() == {"predictions": ["green"]}
    raised = wish(double, "raise")
    assert raised.status == 400
    assert raised.json()["message"] == "The model failed: ValueError: the model does not want to"
    assert wish(double, "memory").json()["message"] == "The model ran out of memory."
    assert wish(double, "print").status == 200
    (log,) = (serving_dir / "data").glob("logs/double-*.log")
    assert wait_until(lambda: log.stat().st_size <= MAX_LOG_BYTES, PATIENCE_S)
    assert len(log.with_name(f"{log.name}.1").read_bytes()) <= MAX_LOG_BYTES
    assert query(double, "double", SPLIT).status == 200


def test_a_failed_update_changes_nothing(double: PlatformProcess, models: Path) -> None:
    broken = {"served_entities": [{"entity_name": str(models / "broken")}]}
    assert double.request("PUT", f"{API}/double/config", broken).status == 200
    shown = settled(double, "double")
    assert shown["state"] == {"ready": "READY", "config_update": "UPDATE_FAILED"}
    assert "RuntimeError: the weights are missing" in entity_state(shown)[1]
    logs = double.request("GET", f"{API}/double/served-models/broken/logs").json()["logs"]
    assert "looking for the weights" in logs
    assert query(double, "double", SPLIT).status == 200


def test_a_crash_is_mended(double: PlatformProcess) -> None:
    assert wish(double, "crash").status in {502, 503}
    assert wait_until(lambda: query(double, "double", SPLIT).status == 200, PATIENCE_S)
    assert double.request("DELETE", f"{API}/double").status == 200
    assert query(double, "double", SPLIT).status == 404


def test_batches(serving: PlatformProcess, models: Path) -> None:
    limits = {"LAKESERVE_MAX_BATCH_SIZE": "8", "LAKESERVE_MAX_BATCH_WAIT_MS": "5000"}
    create(serving, "batched", models / "double", environment_vars=limits)
    assert settled(serving, "batched")["state"]["ready"] == "READY"

    def ask_together(wish: str) -> list[Reply]:
        def ask(number: int) -> Reply:
            split = {"columns": ["x"], "data": [[number]]}
            return query(serving, "batched", {"dataframe_split": split, "params": {"wish": wish}})

        with ThreadPoolExecutor(8) as callers:
            return list(callers.map(ask, range(10, 18)))

    rows = [reply.json()["predictions"] for reply in ask_together("rows")]
    assert all(len(each) == 1 for each in rows)
    assert max(rows) > [1]
    lucky = ask_together("luck")
    unlucky = lucky.pop(3)
    assert [reply.json()["predictions"] for reply in lucky] == [
        [{"x": 2.0 * number}] for number in range(10, 18) if number != 13
    ]
    assert (unlucky.status, unlucky.json()["message"]) == (
        400,
        "The model failed: ValueError: unlucky",
    )
    assert serving.request("DELETE", f"{API}/batched").status == 200


async def test_a_model_that_hangs_while_it_loads(
    mlflow_python: str, models: Path, tmp_path: Path
) -> None:
    program = MlflowProgram(Path(mlflow_python), models / "sleeper", 1, 1, 4096)
    spec = WorkerSpec(
        "s" * 32, "sleeper", program, 3, tmp_path, tmp_path / "log", work_dir=tmp_path / "w"
    )
    worker = await ProcessRunner().start(spec)
    with pytest.raises(EngineError, match=r"'sleeper' was not ready after 3 s"):
        await worker.ready()
    await worker.stop(0)
    assert "was stopped" in await worker.exited()


@pytest.mark.timeout(900)
def test_an_environment_of_its_own(models: Path, tmp_path: Path) -> None:
    """Built by uv from the indexes that uv is configured with, as on a user's machine."""
    (tmp_path / "lakeserve.toml").write_text(f'models_dirs = ["{models}"]\n')
    platform = start_platform(tmp_path / "data", "--config", str(tmp_path / "lakeserve.toml"))
    try:
        create(platform, "double", models / "double")
        path = f"{API}/double/served-models/double/build-logs"

        def log() -> str:
            return str(platform.request("GET", path).json()["logs"])

        assert wait_until(lambda: "uv venv" in log(), PATIENCE_S)
        state = settled(platform, "double", patience_s=800)["state"]
        assert state["ready"] == "READY", log()
        assert "mlflow==" in log()
        body = {"dataframe_split": {"columns": ["x"], "data": [[2]]}}
        assert query(platform, "double", body).json() == {"predictions": [{"x": 4.0}]}
    finally:
        platform.stop()


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
