"""The life of placed workers, with a cluster that a test plays."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from lakeserve.core.endpoints import Address, EntityState, LocalModel, ServedEntity
from lakeserve.core.errors import EngineError
from lakeserve.reconcile.entity import LocalEntity
from lakeserve.reconcile.heartbeat import Heartbeat
from lakeserve.reconcile.pace import Pace
from lakeserve.workers.llama import LlamaProgram
from lakeserve.workers.protocols import Resources, Worker, WorkerSpec
from lakeserve.workers.ray_fake import FakeCluster
from lakeserve.workers.ray_runner import RayRunner
from lakeserve.workers.server_command import ServerCommand
from workers.waiting import until

SPEC = WorkerSpec(
    "e" * 32,
    "m",
    LlamaProgram(Path("/m.gguf"), "m", "chat"),
    5.0,
    Path("/sockets"),
    Path("/log"),
    resources=Resources(2, 1),
)


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
async def runner(cluster: FakeCluster) -> AsyncIterator[RayRunner]:
    made = RayRunner(cluster)
    await cluster.connect()
    yield made
    await made.aclose()
    assert all(place.is_free for place in cluster.places)
    assert not cluster.connected


async def test_a_worker_runs_in_a_place_of_its_own(runner: RayRunner, cluster: FakeCluster) -> None:
    first = await runner.start(SPEC)
    second = await runner.start(replace(SPEC, replica=1))
    with pytest.raises(EngineError, match="no address yet"):
        _ = first.address
    assert await first.pulse(1) is None
    await first.ready()
    await second.ready()
    assert [place.name for place in cluster.places] == [f"{'e' * 32}-0", f"{'e' * 32}-1"]
    assert cluster.places[0].resources == Resources(2, 1)
    tokens = [place.runs[0].bearer for place in cluster.places]
    assert first.address == Address(host="127.0.0.1", port=10_001, bearer=tokens[0])
    assert len(set(tokens)) == len([token for token in tokens if token]) == 2
    assert str(tokens[0]) not in f"{first.address!r} {cluster.places[0].runs[0]!r}"
    assert (second.address.port, second.pid) == (10_101, None)
    await first.stop(7.0)
    await first.stop(7.0)
    assert (cluster.places[0].stops, cluster.places[0].is_free) == ([7.0], True)
    assert await first.exited() == "worker 'm' was stopped"
    await second.stop(0.0)


async def test_a_program_that_lets_everybody_call_gets_no_token(
    runner: RayRunner, cluster: FakeCluster
) -> None:
    open_program = ServerCommand(("srv", "{port}"), "m")
    worker = await runner.start(replace(SPEC, program=open_program))
    await worker.ready()
    assert (cluster.places[0].runs[0].bearer, worker.address.bearer) == (None, None)
    await worker.stop(0.0)


async def test_a_place_is_used_again_after_its_program_died(
    runner: RayRunner, cluster: FakeCluster
) -> None:
    worker = await runner.start(SPEC)
    await worker.ready()
    (place,) = cluster.places
    place.crash("worker 'm' ended with signal SIGKILL")
    assert await worker.exited() == "worker 'm' ended with signal SIGKILL"
    await worker.stop(0.0)
    assert not place.is_free
    again = await runner.start(SPEC)
    await again.ready()
    assert (len(cluster.places), len(place.runs)) == (1, 2)
    assert again.address != worker.address
    await again.stop(0.0)


async def test_a_place_that_the_cluster_brings_back(
    runner: RayRunner, cluster: FakeCluster
) -> None:
    worker = await runner.start(SPEC)
    await worker.ready()
    cluster.places[0].vanish("the node died")
    assert await worker.exited() == "worker 'm' was lost: the node died"
    await worker.stop(0.0)
    again = await runner.start(SPEC)
    await again.ready()
    assert len(cluster.places) == 1
    await again.stop(0.0)


async def test_a_place_that_nobody_comes_back_to_is_given_up(cluster: FakeCluster) -> None:
    runner = RayRunner(cluster, keep_s=0.01)
    worker = await runner.start(SPEC)
    await worker.ready()
    cluster.places[0].crash("gone")
    await worker.exited()
    await worker.stop(0.0)
    await until(lambda: cluster.places[0].is_free)
    await (await runner.start(SPEC)).stop(0.0)
    assert len(cluster.places) == 2
    await runner.aclose()


async def test_a_program_that_does_not_start(runner: RayRunner, cluster: FakeCluster) -> None:
    worker = await runner.start(SPEC)
    cluster.places[0].refusal = "llama.cpp cannot load it"
    with pytest.raises(EngineError, match="cannot load it"):
        await worker.ready()
    await worker.stop(0.0)
    assert cluster.places[0].is_free


async def test_a_cluster_without_room(runner: RayRunner, cluster: FakeCluster) -> None:
    worker = await runner.start(replace(SPEC, start_timeout_s=0.05))
    cluster.places[0].room.clear()
    with pytest.raises(EngineError, match="no room for 2 CPUs and 1 GPUs"):
        await worker.ready()
    await worker.stop(0.0)
    assert cluster.places[0].is_free


async def test_an_entity_lives_on_a_cluster_as_on_one_machine(
    runner: RayRunner, cluster: FakeCluster
) -> None:
    """The state machine is the same: a lost node is a crash, and the others serve on."""

    async def launch(number: int) -> Worker:
        return await runner.start(replace(SPEC, replica=number))

    async def listens(_address: Address) -> bool:
        return True

    wanted = ServedEntity("1", "n", LocalModel("m"), "m", "M.")
    entity = LocalEntity(
        wanted, launch, Pace(first_pause_s=0.0), lambda: None, listens, Heartbeat(60), 2
    )
    entity.start()
    await until(lambda: len(entity.addresses) == 2)
    lost = cluster.places[1]
    lost.room.clear()
    lost.vanish("the node died")
    await until(lambda: len(entity.addresses) == 1)
    assert entity.state == EntityState(
        "DEPLOYMENT_READY", "1 of 2 replicas serve. worker 'm' was lost: the node died"
    )
    lost.room.set()
    await until(lambda: len(entity.addresses) == 2)
    assert (len(cluster.places), len(lost.runs)) == (2, 2)
    await asyncio.wait_for(entity.stop(1.0), 10)
    assert [place.stops for place in cluster.places] == [[1.0], [1.0]]
