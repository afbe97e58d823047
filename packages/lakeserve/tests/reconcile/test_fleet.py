import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from lakeserve.core.endpoints import (
    Address,
    ConfigUpdate,
    Endpoint,
    EntityState,
    LocalModel,
    Scale,
    ServedEntity,
)
from lakeserve.reconcile.custom_models import CustomModels
from lakeserve.reconcile.fleet import Fleet
from lakeserve.reconcile.heartbeat import Heartbeat
from lakeserve.reconcile.launch import Launcher
from lakeserve.reconcile.pace import Pace
from lakeserve.reconcile.replica import ASLEEP
from lakeserve.reconcile.supervisor import Supervisor
from lakeserve.settings import AutoscalingSettings, Settings
from lakeserve.storage.database import Storage
from lakeserve.workers.fake import FakeRunner

Until = Callable[[Callable[[], bool]], Awaitable[None]]

READY = EntityState("DEPLOYMENT_READY")
BEAT = Heartbeat(linger_s=0.05)
PACE = Pace(first_pause_s=0.01, longest_pause_s=0.05, attempts=2)


def wanted(entity_id: str, start: Any = "until-idle") -> ServedEntity:
    return ServedEntity(entity_id, entity_id, LocalModel(entity_id), "m", "M.", start)


def endpoint(*entities: ServedEntity, update: ConfigUpdate | None = None) -> Endpoint:
    return Endpoint(
        "id", "mine", "llm/v1/chat", "CUSTOM_MODEL", "anna", 1, 1, entities, update=update
    )


async def listens(_address: Any) -> bool:
    return True


@pytest.fixture
async def fleet(
    runner: FakeRunner, settings: Settings, models: Any, secrets: Any
) -> AsyncIterator[Fleet]:
    roomy = settings.model_copy(update={"autoscaling": AutoscalingSettings(max_replicas=8)})
    launcher = Launcher(runner, roomy, CustomModels(settings, secrets), models)
    made = Fleet(launcher, PACE, BEAT, lambda endpoint_id: None, listens, drain_s=9)
    yield made
    await made.stop(0.0)


def addresses(fleet: Fleet, entity_id: str) -> tuple[Address, ...]:
    seen = fleet.seen(entity_id)
    return () if seen is None else seen.addresses


def started(runner: FakeRunner) -> list[str]:
    return [worker.spec.entity_id for worker in runner.workers]


async def test_a_restart_wakes_what_has_to_run(
    fleet: Fleet, runner: FakeRunner, until: Until
) -> None:
    mine = endpoint(
        wanted("always", "eager"),
        wanted("well", "until-idle"),
        wanted("new", "until-idle"),
        wanted("later", "on-demand"),
        update=ConfigUpdate("u", (wanted("coming", "on-demand"),), 1),
    )
    start = fleet.begin([mine], {"always": READY, "well": READY})
    assert started(runner) == []
    assert fleet.state("well") == fleet.state("later") == ASLEEP
    start()
    await until(lambda: len(runner.workers) == 3)
    assert sorted(started(runner)) == ["always", "coming", "new"]
    assert [local.entity.id for local in fleet.eager()] == ["always"]
    await until(lambda: fleet.state("always") == READY)
    assert fleet.state("nobody") is None


async def test_what_is_no_longer_wanted_lingers_and_drains(
    fleet: Fleet, runner: FakeRunner, until: Until
) -> None:
    fleet.follow("id", endpoint(wanted("old")))
    await until(lambda: bool(addresses(fleet, "old")))
    fleet.follow("id", endpoint(wanted("next")))
    assert fleet.seen("old") is None
    assert fleet.seen("next") is not None
    assert runner.workers[0].stops == []
    leaving = fleet.get("old")
    assert leaving is not None
    assert await leaving.activate(1.0) is not None
    await until(lambda: runner.workers[0].stops == [9])
    await until(lambda: fleet.get("old") is None)


async def test_a_platform_that_stops_waits_for_those_that_leave(
    fleet: Fleet, runner: FakeRunner, until: Until
) -> None:
    fleet.follow("id", endpoint(wanted("old")))
    await until(lambda: bool(addresses(fleet, "old")))
    fleet.follow("id", None)
    await fleet.stop(3.0)
    assert runner.workers[0].stops == [3.0]


async def test_replicas_have_their_own_workers(
    fleet: Fleet, runner: FakeRunner, until: Until
) -> None:
    backend = LocalModel("m", scale=replace(LocalModel("m").scale, replicas=2))
    fleet.follow("id", endpoint(replace(wanted("twice"), backend=backend)))
    await until(lambda: len(addresses(fleet, "twice")) == 2)
    assert {worker.spec.log_path.name for worker in runner.workers} == {
        "twice.log",
        "twice.1.log",
    }


async def test_an_update_begins_with_the_replicas_that_the_calls_have_brought(
    fleet: Fleet, runner: FakeRunner, until: Until
) -> None:
    def growing(entity_id: str, most: int) -> ServedEntity:
        backend = LocalModel("m", Scale(8, most_replicas=most))
        return replace(wanted(entity_id), backend=backend)

    before = growing("before", 4)
    fleet.follow("id", endpoint(before))
    await until(lambda: len(addresses(fleet, "before")) == 1)
    local = fleet.get("before")
    assert local is not None
    assert fleet.provisioned_concurrency("before") == 2
    assert fleet.provisioned_concurrency("nobody") is None
    local.resize(3)
    await until(lambda: fleet.provisioned_concurrency("before") == 6)
    fleet.follow("id", endpoint(before, update=ConfigUpdate("u", (growing("next", 4),), 1)))
    await until(lambda: len(addresses(fleet, "next")) == 3)
    fleet.follow("id", endpoint(before, update=ConfigUpdate("v", (growing("small", 2),), 1)))
    await until(lambda: len(addresses(fleet, "small")) == 2)
    fleet.follow("id", endpoint(before, update=ConfigUpdate("w", (wanted("fixed"),), 1)))
    await until(lambda: len(addresses(fleet, "fixed")) == 1)
    assert fleet.provisioned_concurrency("fixed") is None


async def stored(storage: Storage) -> Endpoint:
    found = await storage.read(lambda tx: tx.endpoints.find("mine"))
    assert found is not None
    return found


async def save(storage: Storage, supervisor: Supervisor, update: ConfigUpdate) -> None:
    await storage.write(lambda tx: tx.endpoints.save(endpoint(wanted("old"))))
    await supervisor.start()
    await storage.write(lambda tx: tx.endpoints.set_update("id", update))
    await supervisor.endpoints_changed()


async def test_the_old_config_serves_until_the_new_worker_is_ready(
    supervisor: Supervisor, storage: Storage, runner: FakeRunner, until: Until
) -> None:
    runner.auto_ready = False
    await save(storage, supervisor, ConfigUpdate("u", (wanted("next", "on-demand"),), 1))
    await until(lambda: {"old", "next"} <= set(started(runner)))
    workers = {worker.spec.entity_id: worker for worker in runner.workers}
    workers["old"].become_ready()
    await until(lambda: supervisor.states()["old"] == READY)
    await asyncio.sleep(0.05)
    assert [each.id for each in (await stored(storage)).entities] == ["old"]
    assert supervisor.states()["next"].message == "Starting m"

    workers["next"].become_ready()
    await until(lambda: "old" not in supervisor.states())
    assert supervisor.states()["next"] == READY
    (target,) = supervisor.snapshot().endpoints["mine"].targets
    assert (target.entity_id, target.address) == ("next", workers["next"].address)
    assert (await stored(storage)).config_version == 2
    assert workers["old"].stops == []


async def test_an_update_whose_worker_fails_leaves_the_old_config(
    supervisor: Supervisor, storage: Storage, models: Any, runner: FakeRunner, until: Until
) -> None:
    models.broken["next"] = RuntimeError("no memory")
    await save(storage, supervisor, ConfigUpdate("u", (wanted("next"),), 1))
    for _ in range(400):
        update = (await stored(storage)).update
        if update is not None and update.failure is not None:
            break
        await asyncio.sleep(0.005)
    assert update is not None
    assert update.failure == "next: RuntimeError: no memory"
    await until(lambda: supervisor.states()["old"] == READY)
    assert "next" not in started(runner)
