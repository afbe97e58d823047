import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from lakeserve.core.endpoints import (
    Address,
    Endpoint,
    EntityState,
    ExternalModel,
    ServedEntity,
    Target,
)
from lakeserve.core.errors import ConfigurationError, EngineError, Unavailable
from lakeserve.core.grants import Grant
from lakeserve.core.identity import Principal
from lakeserve.reconcile.supervisor import Supervisor
from lakeserve.settings import Settings
from lakeserve.storage.database import Storage
from lakeserve.workers.fake import FakeRunner, FakeWorker
from lakeserve.workers.llama import LlamaProgram

Until = Callable[[Callable[[], bool]], Awaitable[None]]

SOCKET = Address(uds="/run/worker.sock")
READY = EntityState("DEPLOYMENT_READY")
ASLEEP = EntityState("DEPLOYMENT_READY", "Scaled to zero. Starts with its first call.")


async def started(supervisor: Supervisor) -> list[str]:
    told: list[str] = []
    await supervisor.start()
    await supervisor.eager_ready(told.append, timeout_s=2)
    return told


def target(supervisor: Supervisor, name: str) -> Target:
    (only,) = supervisor.snapshot().endpoints[name].targets
    return only


def workers(runner: FakeRunner, name: str) -> list[FakeWorker]:
    return [worker for worker in runner.workers if worker.spec.entity_id == f"{name}-entity"]


def deployment(supervisor: Supervisor, name: str) -> str:
    return supervisor.states()[f"{name}-entity"].deployment


async def test_after_the_start_everything_eager_serves(
    supervisor: Supervisor, runner: FakeRunner, settings: Settings
) -> None:
    assert await started(supervisor) == []

    assert supervisor.states() == {
        "first-entity": READY,
        "second-entity": READY,
        "lazy-entity": ASLEEP,
        "elsewhere-entity": READY,
    }
    assert target(supervisor, "first").address == SOCKET
    assert target(supervisor, "lazy").address is None
    assert [worker.spec.entity_id for worker in runner.workers] == ["first-entity", "second-entity"]
    spec = runner.workers[0].spec
    assert spec.program == LlamaProgram(settings.data_dir / "first", "first", "chat")
    assert spec.log_path == settings.data_dir / "logs" / "first.log"


async def test_an_upstream_gets_its_key_from_the_settings(supervisor: Supervisor) -> None:
    await started(supervisor)
    elsewhere = target(supervisor, "elsewhere")
    assert elsewhere.address == Address(host="host", port=443, tls=True, base_path="/v1")
    assert (elsewhere.provider, elsewhere.credential) == ("openai", "sk-secret")
    assert "sk-secret" not in repr(supervisor.snapshot())


async def test_principals_and_clusters_are_in_the_snapshot(
    supervisor: Supervisor, storage: Storage
) -> None:
    anna = Principal(id="7", name="a@example.com", display_name="A")
    await storage.write(lambda tx: tx.identity.save_user(anna, 1))
    await storage.write(lambda tx: tx.identity.set_settings_token("7", "digest", 1))
    await started(supervisor)
    assert supervisor.snapshot().principals == {"digest": anna}
    assert supervisor.snapshot().clusters == {}


async def test_tokens_that_change_later_count_after_a_refresh(
    supervisor: Supervisor, storage: Storage
) -> None:
    await started(supervisor)
    anna = Principal(id="7", name="a@example.com", display_name="A")
    await storage.write(lambda tx: tx.identity.save_user(anna, 1))
    await storage.write(lambda tx: tx.identity.set_settings_token("7", "digest", 1))
    assert supervisor.snapshot().principals == {}
    await supervisor.refresh_principals()
    assert supervisor.snapshot().principals == {"digest": anna}
    assert supervisor.snapshot().signed is not None


async def test_a_snapshot_changes_only_when_something_does(supervisor: Supervisor) -> None:
    await started(supervisor)
    assert supervisor.snapshot() is supervisor.snapshot()


async def test_a_crashed_worker_comes_back_and_others_do_not_notice(
    supervisor: Supervisor, runner: FakeRunner, until: Until
) -> None:
    await started(supervisor)
    runner.auto_ready = False
    workers(runner, "first")[0].crash("worker ended with signal SIGKILL")
    await until(lambda: len(workers(runner, "first")) == 2)

    state = supervisor.states()["first-entity"]
    assert state == EntityState("DEPLOYMENT_RECOVERING", "worker ended with signal SIGKILL")
    assert target(supervisor, "first").address is None
    assert target(supervisor, "second").address == SOCKET

    workers(runner, "first")[1].become_ready()
    await until(lambda: target(supervisor, "first").address == SOCKET)
    assert deployment(supervisor, "first") == "DEPLOYMENT_READY"
    assert len(workers(runner, "second")) == 1
    assert workers(runner, "second")[0].stops == []


async def test_many_crashes_are_still_recovered_from(
    supervisor: Supervisor, runner: FakeRunner, until: Until
) -> None:
    await started(supervisor)
    for number in range(1, 7):
        workers(runner, "first")[-1].crash()
        await until(lambda number=number: len(workers(runner, "first")) > number)  # type: ignore[misc]
        await until(lambda: target(supervisor, "first").address is not None)


async def test_a_worker_that_never_starts_fails_and_recovers_when_fixed(
    supervisor: Supervisor, runner: FakeRunner, until: Until
) -> None:
    runner.crash_on_start = "worker ended with exit code 1: out of memory"
    told = await started(supervisor)

    assert deployment(supervisor, "first") == "DEPLOYMENT_FAILED"
    assert "out of memory" in (target(supervisor, "first").failure or "")
    assert any("first is not ready" in line and "out of memory" in line for line in told)
    with pytest.raises(Unavailable, match="out of memory") as refused:
        await supervisor.activate("first-entity")
    assert refused.value.retry_after is not None
    assert len(workers(runner, "first")) >= 3

    runner.crash_on_start = None
    await until(lambda: target(supervisor, "first").address == SOCKET)
    assert target(supervisor, "first").failure is None
    assert deployment(supervisor, "first") == "DEPLOYMENT_READY"


@pytest.mark.parametrize(
    "problem", [EngineError("package missing"), ConfigurationError("package missing")]
)
async def test_a_model_that_is_not_there_fails_at_once(
    supervisor: Supervisor, runner: FakeRunner, models: Any, problem: Exception, until: Until
) -> None:
    models.broken["first"] = problem
    told = await started(supervisor)
    assert supervisor.states()["first-entity"] == EntityState(
        "DEPLOYMENT_FAILED", "package missing"
    )
    assert told == ["first is not ready: package missing"]
    assert target(supervisor, "second").address == SOCKET

    del models.broken["first"]
    await until(lambda: target(supervisor, "first").address == SOCKET)


async def test_a_fault_of_our_own_does_not_end_supervision(
    supervisor: Supervisor,
    models: Any,
    until: Until,
    caplog: pytest.LogCaptureFixture,
) -> None:
    models.broken["first"] = ZeroDivisionError("oops")
    await started(supervisor)
    assert "ZeroDivisionError: oops" in supervisor.states()["first-entity"].message
    assert "Traceback" in caplog.text
    del models.broken["first"]
    await until(lambda: target(supervisor, "first").address == SOCKET)


async def test_a_model_of_the_wrong_kind_is_refused(supervisor: Supervisor, models: Any) -> None:
    models.embedding.add("first")
    await started(supervisor)
    assert "needs one of kind 'chat'" in (target(supervisor, "first").failure or "")


async def test_an_on_demand_worker_starts_with_its_first_call(
    supervisor: Supervisor, runner: FakeRunner, until: Until
) -> None:
    await started(supervisor)
    runner.auto_ready = False
    calls = [asyncio.create_task(supervisor.activate("lazy-entity")) for _ in range(3)]
    await until(lambda: len(workers(runner, "lazy")) == 1)
    assert supervisor.states()["lazy-entity"] == EntityState(
        "DEPLOYMENT_CREATING", "Starting model of lazy"
    )
    workers(runner, "lazy")[0].become_ready()
    assert await asyncio.gather(*calls) == [SOCKET] * 3
    assert target(supervisor, "lazy").address == SOCKET
    assert len(workers(runner, "lazy")) == 1


async def test_a_call_does_not_wait_for_ever(
    storage: Storage, runner: FakeRunner, tmp_path: Path, models: Any, secrets: Any
) -> None:
    runner.auto_ready = False
    settings = Settings.model_validate({"data_dir": tmp_path, "engine": {"start_timeout_s": 0.05}})
    supervisor = Supervisor(storage, runner, settings, secrets, resolve_model=models)
    await supervisor.start()
    with pytest.raises(Unavailable, match="'lazy' is not ready: "):
        await supervisor.activate("lazy-entity")
    with pytest.raises(Unavailable, match="no longer exists"):
        await supervisor.activate("another-entity")
    await supervisor.stop(0.0)


async def test_a_dead_worker_is_not_handed_out(
    storage: Storage, runner: FakeRunner, settings: Settings, models: Any, secrets: Any
) -> None:
    listening: list[bool] = []

    async def probe(_address: Address) -> bool:
        return listening.pop() if listening else True

    supervisor = Supervisor(storage, runner, settings, secrets, resolve_model=models, probe=probe)
    await started(supervisor)
    listening[:] = [False]
    assert await supervisor.activate("first-entity") == SOCKET
    assert listening == []
    await supervisor.stop(0.0)


async def test_stopping_drains_every_worker(supervisor: Supervisor, runner: FakeRunner) -> None:
    await started(supervisor)
    await supervisor.stop(7.5)
    assert [worker.stops for worker in runner.workers] == [[7.5], [7.5]]
    await asyncio.sleep(0.05)
    assert len(runner.workers) == 2


async def test_stopping_while_workers_start(supervisor: Supervisor, runner: FakeRunner) -> None:
    runner.auto_ready = False
    await supervisor.start()
    await asyncio.sleep(0.01)
    await supervisor.stop(1.0)
    assert all(worker.stops == [1.0] for worker in runner.workers)


async def test_observed_states_are_stored(
    supervisor: Supervisor, storage: Storage, runner: FakeRunner
) -> None:
    await started(supervisor)
    await supervisor.stop(0.0)
    assert await storage.read(lambda tx: tx.states.all()) == supervisor.states()


async def test_serving_does_not_need_the_database(
    supervisor: Supervisor, storage: Storage, tmp_path: Path
) -> None:
    await supervisor.start()
    with closing(sqlite3.connect(tmp_path / "lakeserve.db")) as other:
        other.execute("DROP TABLE entity_states")
    await supervisor.eager_ready(lambda line: None, timeout_s=2)
    assert target(supervisor, "first").address == SOCKET


async def test_a_second_platform_finds_the_stored_facts(
    supervisor: Supervisor, storage: Storage, settings: Settings, models: Any, secrets: Any
) -> None:
    await started(supervisor)
    before = supervisor.snapshot()
    await supervisor.stop(0.0)
    again = Supervisor(storage, FakeRunner(address=SOCKET), settings, secrets, resolve_model=models)
    await started(again)
    assert again.snapshot() == before
    await again.stop(0.0)


async def test_slow_starts_are_told(
    supervisor: Supervisor, runner: FakeRunner, until: Until
) -> None:
    runner.auto_ready = False
    await supervisor.start()
    told: list[str] = []
    await supervisor.eager_ready(told.append, timeout_s=1.3)
    assert told == [
        "first: Starting model of first",
        "second: Starting model of second",
        "first is not ready: Starting model of first",
        "second is not ready: Starting model of second",
    ]


REFERENCE = "{{secrets/scope/key}}"


def external(name: str, *references: str) -> Endpoint:
    entities = tuple(
        ServedEntity(
            f"{name}-{number}-entity",
            f"{name}-{number}",
            ExternalModel("openai", "gpt-4", {"openai_api_key": reference}),
            "gpt-4",
            "M.",
            traffic_percentage=100 // len(references),
        )
        for number, reference in enumerate(references)
    )
    return Endpoint(f"{name}-id", name, "llm/v1/chat", "EXTERNAL_MODEL", "a", 1, 1, entities)


async def test_a_new_external_endpoint_serves_soon(
    supervisor: Supervisor, storage: Storage, secrets: Any, until: Until
) -> None:
    secrets.known[REFERENCE] = "sk-1"
    await started(supervisor)
    await storage.write(lambda tx: tx.endpoints.save(external("chat", REFERENCE)))
    await supervisor.endpoints_changed()
    assert deployment(supervisor, "chat-0") == "DEPLOYMENT_CREATING"
    assert target(supervisor, "chat").failure == "Waiting for its secrets to be resolved"
    await until(lambda: target(supervisor, "chat").failure is None)
    assert supervisor.states()["chat-0-entity"] == READY
    assert (target(supervisor, "chat").credential, target(supervisor, "chat").provider) == (
        "sk-1",
        "openai",
    )

    await storage.write(lambda tx: tx.endpoints.delete("chat-id"))
    await supervisor.endpoints_changed()
    assert "chat" not in supervisor.snapshot().endpoints


async def test_grants_count_at_once(supervisor: Supervisor, storage: Storage) -> None:
    await storage.write(lambda tx: tx.endpoints.save(external("chat", REFERENCE)))
    await started(supervisor)
    anna = Principal("7", "anna", "Anna")
    assert not supervisor.snapshot().endpoints["chat"].callers.include(anna)
    granted = [Grant("user", "anna", "CAN_QUERY")]
    await storage.write(lambda tx: tx.grants.replace("chat-id", granted))
    await supervisor.endpoints_changed()
    assert supervisor.snapshot().endpoints["chat"].callers.include(anna)
    await storage.write(lambda tx: tx.grants.replace("chat-id", []))
    await supervisor.endpoints_changed()
    assert not supervisor.snapshot().endpoints["chat"].callers.include(anna)


async def test_a_restart_deploys_before_the_first_call(
    supervisor: Supervisor, storage: Storage, secrets: Any
) -> None:
    secrets.known[REFERENCE] = "sk-1"
    await storage.write(lambda tx: tx.endpoints.save(external("chat", REFERENCE, "{{other}}")))
    await supervisor.start()
    first, second = supervisor.snapshot().endpoints["chat"].targets
    assert (first.failure, first.credential) == (None, "sk-1")
    assert second.failure == "no secret {{other}} for a"
    assert supervisor.states()["chat-1-entity"].deployment == "DEPLOYMENT_FAILED"


async def test_busy_storage_is_asked_again(
    supervisor: Supervisor, storage: Storage, secrets: Any, until: Until, monkeypatch: Any
) -> None:
    monkeypatch.setattr("lakeserve.reconcile.deployments.RETRY_S", 0.01)
    await started(supervisor)
    secrets.error = Unavailable("locked")
    await storage.write(lambda tx: tx.endpoints.save(external("chat", REFERENCE)))
    await supervisor.endpoints_changed()
    await asyncio.sleep(0.05)
    assert deployment(supervisor, "chat-0") == "DEPLOYMENT_CREATING"
    secrets.error, secrets.known = None, {REFERENCE: "sk-1"}
    await until(lambda: target(supervisor, "chat").credential == "sk-1")
