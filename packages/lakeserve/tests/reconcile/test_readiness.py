from lakeserve.core.endpoints import Address, LocalModel, ServedEntity
from lakeserve.core.errors import EngineError
from lakeserve.reconcile.entity import LocalEntity
from lakeserve.reconcile.pace import USUAL_PACE
from lakeserve.reconcile.readiness import wait_until_settled
from lakeserve.workers.protocols import Worker

WANTED = ServedEntity("1", "databricks-x", LocalModel("demo"), "m", "M.")


async def nothing(_address: Address) -> bool:
    return True


async def no_model(_number: int) -> Worker:
    raise EngineError("no model")


async def test_nothing_to_wait_for() -> None:
    told: list[str] = []
    await wait_until_settled([], told.append, timeout_s=0.0)
    assert told == []


async def test_a_failure_is_told_at_once() -> None:
    entity = LocalEntity(WANTED, no_model, USUAL_PACE, lambda: None, nothing)
    entity.start()
    told: list[str] = []
    await wait_until_settled([entity], told.append, timeout_s=2.0)
    assert told == ["databricks-x is not ready: no model"]
    await entity.stop(0.0)


async def test_waiting_ends() -> None:
    entity = LocalEntity(WANTED, no_model, USUAL_PACE, lambda: None, nothing)
    told: list[str] = []
    await wait_until_settled([entity], told.append, timeout_s=0.05)
    assert told == ["databricks-x is not ready: Waiting for its worker to start"]
