"""All parts of accounting together: from a call to tables and metrics."""

import asyncio
from pathlib import Path

from lakeserve.core.ids import now_ms
from lakeserve.core.ports import Snapshot
from lakeserve.core.usage import CallRecord
from lakeserve.gateway.fake import FixedDirectory
from lakeserve.reconcile.books import GatewayBooks, PlatformBooks
from lakeserve.settings import ModelPrice, PriceSettings, Settings
from lakeserve.storage.database import Storage

CALL = CallRecord(
    *("r", None, "e", "chat", "s", "chat-1", "anna", "chat", 200, False, now_ms(), 1.5),
    input_tokens=1_000_000,
    provider="openai",
    model="gpt-x",
)


async def counted(platform: PlatformBooks) -> str:
    """The metrics, once a call is in them; journals are completed and moved twice a second."""
    for _ in range(1200):
        text = platform.metrics.platform()
        if b"lakeserve_calls_total{" in text:
            return text.decode()
        await asyncio.sleep(0.05)
    raise AssertionError("no call was counted within a minute")


async def test_from_a_call_to_tables_and_metrics(tmp_path: Path, storage: Storage) -> None:
    prices = PriceSettings(currency="EUR", models={"gpt-x": ModelPrice(input=2.0)})
    settings = Settings(data_dir=tmp_path, prices=prices)
    platform = PlatformBooks(storage, settings)
    platform.start()
    gateway = GatewayBooks(storage, FixedDirectory(Snapshot()), settings)
    await gateway.start({"in_flight": lambda: 7.0})
    gateway.ledger.record(CALL)
    text = await counted(platform)
    assert 'currency="EUR",endpoint="chat",entity="chat-1"} 2.0' in text
    assert "lakeserve_gateway_in_flight{" in text
    assert "lakeserve_gateway_journal_waiting{" in text
    gateway.ledger.record(CALL._replace(request_id="r2"))
    await gateway.stop()
    await platform.stop()
    (total,) = await storage.read(lambda tx: tx.usage.totals("endpoint"))
    assert (total.calls, total.cost) == (2, 4.0)
    assert list(settings.journal_dir.iterdir()) == []
