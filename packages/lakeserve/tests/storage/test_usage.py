"""Usage in tables: each journal once, sums that agree with the rows, and what is forgotten."""

from collections.abc import Callable
from typing import Any

import pytest
from lakeserve.core.usage import CallRecord, Spending, UsageTotal
from lakeserve.storage.database import Storage
from lakeserve.storage.frames import Entry
from lakeserve.storage.tables import endpoint_usage
from lakeserve.storage.transaction import Transaction
from lakeserve.storage.usage import UsageRepository, day_of
from sqlalchemy import select

DAY_MS = 24 * 3600 * 1000
CALL = CallRecord("r", None, "e1", "chat", "s", "chat-1", "anna", "chat", 200, False, 0, 1.5)


def entry(number: int, cost: float = 0.0, **fields: Any) -> Entry:
    return Entry(CALL._replace(request_id=f"r{number}", **fields), cost)


ENTRIES = [
    entry(1, 0.5, input_tokens=3, output_tokens=4, usage_context={"team": "a"}),
    entry(2, 0.25, requester="bob", started_at=DAY_MS, status=429),
    entry(
        *(3, 0.0),
        requester="bob",
        started_at=DAY_MS,
        is_cached=True,
        input_tokens=7,
        client_request_id="mine",
    ),
    entry(4, 1.0, endpoint_id="e2", endpoint_name="other", started_at=2 * DAY_MS - 1),
    entry(4, 0.125, endpoint_id="e2", endpoint_name="other", is_shadow=True, input_tokens=1),
]


def move(journal: str, entries: list[Entry]) -> Callable[[Transaction], bool]:
    return lambda tx: tx.usage.move(journal, entries, workspace_id="7", now_ms=1000)


async def rows(storage: Storage) -> list[Any]:
    def work(transaction: Transaction) -> list[Any]:
        wanted = select(endpoint_usage).order_by(
            endpoint_usage.c.databricks_request_id, endpoint_usage.c.kind
        )
        return list(transaction.usage._connection.execute(wanted))

    return await storage.read(work)


async def test_a_journal_is_moved_once(storage: Storage) -> None:
    assert await storage.write(move("j1", ENTRIES)) is True
    assert await storage.write(move("j1", ENTRIES)) is False
    assert await storage.write(move("j2", [])) is True
    found = await rows(storage)
    keys = [(row.databricks_request_id, row.kind) for row in found]
    assert keys == [(f"r{n}", "call") for n in (1, 2, 3, 4)] + [("r4", "shadow")]
    assert (found[0].usage_context, found[1].usage_context) == ({"team": "a"}, None)
    assert (found[0].workspace_id, found[2].client_request_id) == ("7", "mine")
    assert (found[0].input_token_count, found[0].output_token_count, found[0].cost) == (3, 4, 0.5)
    moved = await storage.read(lambda tx: tx.usage.moved(["j1", "j2", "j3"]))
    assert moved == {"j1", "j2"}
    assert await storage.read(lambda tx: tx.usage.number("j2")) == 2
    with pytest.raises(LookupError, match="j3"):
        await storage.read(lambda tx: tx.usage.number("j3"))


async def test_sums_by_each_key(storage: Storage) -> None:
    await storage.write(move("j1", ENTRIES[:2]))
    await storage.write(move("j2", ENTRIES[2:]))

    def total(usage: UsageRepository) -> list[UsageTotal]:
        return list(usage.totals("endpoint"))

    assert await storage.read(lambda tx: total(tx.usage)) == [
        UsageTotal("other", 1, 0, 0, 1, 0, 1.125),
        UsageTotal("chat", 3, 1, 1, 3, 4, 0.75),
    ]
    by_user = await storage.read(lambda tx: tx.usage.totals("user"))
    assert [(each.key, each.calls, each.cost) for each in by_user] == [
        ("anna", 2, 1.625),
        ("bob", 2, 0.25),
    ]
    by_day = await storage.read(lambda tx: tx.usage.totals("day"))
    assert [(each.key, each.calls) for each in by_day] == [("1970-01-01", 1), ("1970-01-02", 3)]
    since = await storage.read(
        lambda tx: tx.usage.totals("day", since="1970-01-02", requester="anna")
    )
    assert [(each.key, each.calls) for each in since] == [("1970-01-02", 1)]


async def test_what_was_spent(storage: Storage) -> None:
    await storage.write(move("j1", ENTRIES))

    def read(day: str) -> Callable[[Transaction], tuple[Spending, ...]]:
        return lambda tx: tx.usage.spending(["e1", "e2"], day)

    assert set(await storage.read(read("1970-01-02"))) == {
        Spending("e1", "anna", 0.5, 0.0),
        Spending("e1", "bob", 0.25, 0.25),
        Spending("e2", "anna", 1.125, 1.0),
    }
    assert await storage.read(read("1970-02-01")) == ()


async def test_old_calls_are_forgotten_and_their_sums_stay(storage: Storage) -> None:
    await storage.write(move("j1", ENTRIES))

    def prune(before: int | None) -> Callable[[Transaction], int]:
        return lambda tx: tx.usage.prune(calls_before_ms=before, journals_before_ms=1001)

    assert await storage.write(prune(None)) == 0
    assert await storage.write(prune(DAY_MS)) == 2
    assert len(await rows(storage)) == 3
    assert await storage.read(lambda tx: tx.usage.moved(["j1"])) == frozenset()
    assert sum(each.calls for each in await storage.read(lambda tx: tx.usage.totals("day"))) == 4


def test_days_are_those_of_utc() -> None:
    assert [day_of(0), day_of(DAY_MS - 1), day_of(DAY_MS)] == ["1970-01-01"] * 2 + ["1970-01-02"]
