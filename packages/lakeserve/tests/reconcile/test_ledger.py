"""Calls are written down with their cost, and refused when they cannot be."""

import asyncio
from pathlib import Path

import pytest
from lakeserve.core.endpoints import RoutableEndpoint
from lakeserve.core.errors import BudgetSpent, Unavailable
from lakeserve.core.grants import EVERYONE
from lakeserve.core.prices import Price, PriceTable
from lakeserve.core.usage import CallRecord
from lakeserve.reconcile.ledger import JournalLedger
from lakeserve.storage.frames import Entry, decode
from lakeserve.storage.journal import JournalFolder, JournalWriter
from reconcile.conftest import Until

CALL = CallRecord(
    *("r", None, "e", "chat", "s", "chat-1", "anna", "chat", 200, False, 7, 1.5),
    input_tokens=1_000_000,
    output_tokens=1_000_000,
    provider="openai",
    model="gpt-x",
)
ENDPOINT = RoutableEndpoint("e", "chat", "llm/v1/chat", "CUSTOM_MODEL", (), EVERYONE, EVERYONE)
PRICES = PriceTable({"gpt-x": Price(1.0, 2.0)})


def folder(tmp_path: Path) -> JournalFolder:
    made = JournalFolder(tmp_path / "journal")
    made.prepare()
    return made


def written(folder: JournalFolder) -> list[Entry]:
    return [entry for path in folder.complete() for entry in decode(path.read_bytes())]


class RecordingPurse:
    has_budgets = False

    def __init__(self) -> None:
        self.seen: list[tuple[str, float, str]] = []

    def check(self, endpoint: RoutableEndpoint, requester: str) -> None:
        if requester == "poor":
            raise BudgetSpent("nothing left")

    def spent(self, call: CallRecord, cost: float, journal: str) -> None:
        self.seen.append((call.request_id, cost, journal))

    def written(self, journal: str) -> None:
        self.seen.append(("written", 0.0, journal))


async def test_calls_are_written_down_with_their_cost(tmp_path: Path, until: Until) -> None:
    journals = folder(tmp_path)
    purse = RecordingPurse()
    ledger = JournalLedger(
        JournalWriter(tmp_path / "journal"),
        PRICES,
        purse,
        seal_s=0.02,
        hurry_s=0.02,
    )
    ledger.start()
    free = CALL._replace(request_id="r2", model="other")
    cached = CALL._replace(request_id="r3", is_cached=True)
    for call in (CALL, free, cached):
        ledger.record(call)
    name = next((tmp_path / "journal").iterdir()).name
    await until(lambda: bool(written(journals)))  # completed by itself
    assert written(journals) == [Entry(CALL, 3.0), Entry(free, 0.0), Entry(cached, 0.0)]
    assert purse.seen == [("r", 3.0, name)]
    ledger.record(free)
    await ledger.stop()
    assert len(written(journals)) == 4


async def test_where_there_are_budgets_it_hurries(tmp_path: Path, until: Until) -> None:
    journals = folder(tmp_path)
    purse = RecordingPurse()
    writer = JournalWriter(tmp_path / "journal")
    ledger = JournalLedger(writer, PRICES, purse, seal_s=3600.0, hurry_s=0.01)
    ledger.start()
    ledger.record(CALL)
    await asyncio.sleep(0.1)
    assert written(journals) == []
    purse.has_budgets = True
    await until(lambda: len(written(journals)) == 1)
    await ledger.stop()


async def test_a_call_that_cannot_be_kept_is_not_answered(tmp_path: Path) -> None:
    # A folder that is not there takes nothing, as a full disk does.
    writer = JournalWriter(tmp_path / "journal", max_waiting=1)
    purse = RecordingPurse()
    ledger = JournalLedger(writer, PRICES, purse)
    ledger.record(CALL)
    with pytest.raises(Unavailable, match="cannot be written down"):
        ledger.admit(ENDPOINT, "anna")
    with pytest.raises(Unavailable, match="cannot be written down"):
        ledger.record(CALL._replace(request_id="r2"))
    assert (writer.waiting, writer.lost) == (1, 0)
    journals = folder(tmp_path)
    await ledger.stop()
    assert written(journals) == [Entry(CALL, 3.0)]
    (path,) = journals.complete()
    assert purse.seen == [("r", 3.0, ""), ("written", 0.0, path.name)]
    ledger.record(CALL)
    await ledger.stop()


async def test_who_has_no_money_left_is_not_served(tmp_path: Path) -> None:
    ledger = JournalLedger(JournalWriter(tmp_path), PRICES, RecordingPurse())
    ledger.admit(ENDPOINT, "anna")
    with pytest.raises(BudgetSpent):
        ledger.admit(ENDPOINT, "poor")
    JournalLedger(JournalWriter(tmp_path), PRICES).admit(ENDPOINT, "poor")


def test_strays_are_counted(tmp_path: Path) -> None:
    ledger = JournalLedger(JournalWriter(tmp_path), PRICES)
    for status in (401, 404, 401):
        ledger.unmatched(status)
    assert ledger.strays == {401: 2, 404: 1}
