import asyncio
from pathlib import Path

import pytest
from lakeserve.core.endpoints import Address, EntityState, Observed
from lakeserve.core.errors import Unavailable
from lakeserve.reconcile.recorder import StateRecorder
from lakeserve.storage.database import Storage

READY = Observed(EntityState("DEPLOYMENT_READY"), (Address(uds="/run/worker.sock"),))
FAILED = Observed(EntityState("DEPLOYMENT_FAILED", "why"))


async def stored(storage: Storage) -> dict[str, Observed]:
    return await storage.read(lambda tx: tx.states.observed())


async def test_the_newest_states_are_written(storage: Storage) -> None:
    recorder = StateRecorder(storage)
    recorder.start()
    recorder.record({"first-entity": READY, "second-entity": READY})
    recorder.record({"first-entity": FAILED, "second-entity": READY})
    await recorder.stop()
    assert await stored(storage) == {"first-entity": FAILED, "second-entity": READY}


async def test_a_failed_write_is_tried_again(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failures = 2
    write = storage.write

    async def fails_at_first(work: object) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise Unavailable("disk full")
        await write(work)  # type: ignore[arg-type]

    monkeypatch.setattr(storage, "write", fails_at_first)
    recorder = StateRecorder(storage, retry_s=0.01)
    recorder.start()
    recorder.record({"first-entity": READY})
    for _ in range(200):
        await asyncio.sleep(0.01)
        if await stored(storage):
            break
    assert await stored(storage) == {"first-entity": READY}
    assert "disk full" in caplog.text
    await recorder.stop()


async def test_stopping_writes_what_is_pending_and_survives_a_full_disk(
    tmp_path: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_work: object) -> None:
        raise Unavailable("disk full")

    monkeypatch.setattr(storage, "write", full)
    recorder = StateRecorder(storage)
    await recorder.stop()  # one that never started
    recorder.start()
    recorder.record({"first-entity": READY})
    await recorder.stop()
