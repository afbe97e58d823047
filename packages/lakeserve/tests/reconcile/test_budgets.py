"""Budgets: whose money counts, where it is remembered and how it is refused."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from lakeserve.core.ai_gateway import AiGateway, Budget
from lakeserve.core.endpoints import RoutableEndpoint
from lakeserve.core.errors import BudgetSpent
from lakeserve.core.grants import EVERYONE
from lakeserve.core.ids import now_ms
from lakeserve.core.ports import Snapshot
from lakeserve.core.usage import CallRecord
from lakeserve.gateway.fake import FixedDirectory
from lakeserve.reconcile.budgets import Budgets, applying
from lakeserve.storage.database import Storage
from lakeserve.storage.frames import Entry
from reconcile.conftest import Until

ANNA, BOB = "anna", "bob"
DAILY = Budget(1.0, "day")


def endpoint(*budgets: Budget) -> RoutableEndpoint:
    gateway = AiGateway(budgets=budgets)
    kind = "EXTERNAL_MODEL"
    return RoutableEndpoint("e", "chat", "llm/v1/chat", kind, (), EVERYONE, EVERYONE, gateway)


def call(user: str = "anna", **fields: object) -> CallRecord:
    made = CallRecord("r", None, "e", "chat", "s", "n", user, "chat", 200, False, now_ms(), 1.0)
    return made._replace(**fields)  # type: ignore[arg-type]


def budgets_of(storage: Storage, *given: RoutableEndpoint) -> Budgets:
    directory = FixedDirectory(Snapshot({each.name: each for each in given}))
    return Budgets(storage, directory, "EUR", refresh_s=0.02)


async def move(storage: Storage, journal: str, *entries: Entry) -> None:
    await storage.write(
        lambda tx: tx.usage.move(journal, entries, workspace_id="1", now_ms=now_ms())
    )


async def test_what_is_spent_is_refused_with_all_that_matters(storage: Storage) -> None:
    its = endpoint(DAILY)
    budgets = budgets_of(storage, its)
    budgets.check(its, ANNA)
    budgets.spent(call(), 0.75, "j1")
    budgets.check(its, BOB)
    budgets.spent(call(), 0.5, "j1")
    with pytest.raises(BudgetSpent) as caught:
        budgets.check(its, BOB)
    message = caught.value.message
    assert "endpoint 'chat', 1 EUR per day, is spent: 1.25 EUR so far" in message
    assert message.endswith("T00:00:00Z.")
    assert 0 < (caught.value.retry_after or 0) <= 24 * 3600 + 1
    budgets.check(endpoint(), BOB)
    budgets.check(replace(its, ai_gateway=None), BOB)


async def test_each_user_has_the_users_budget_and_some_one_of_their_own(storage: Storage) -> None:
    its = endpoint(Budget(1.0, "month", "user"), Budget(5.0, "month", "user", "bob"))
    budgets = budgets_of(storage, its)
    for user in ("anna", "bob"):
        budgets.spent(call(user), 2.0, "j1")
    budgets.check(its, BOB)
    with pytest.raises(BudgetSpent, match="user 'anna' for endpoint 'chat', 1 EUR per month"):
        budgets.check(its, ANNA)
    budgets.spent(call("bob"), 3.0, "j1")
    with pytest.raises(BudgetSpent, match="user 'bob' for endpoint 'chat', 5 EUR per month"):
        budgets.check(its, BOB)


def test_a_named_user_is_free_of_the_default_of_the_same_period() -> None:
    default, named, daily = (
        Budget(1, "month", "user"),
        Budget(5, "month", "user", "bob"),
        Budget(2, "day", "user"),
    )
    given = (default, named, daily, DAILY)
    assert applying(given, "bob") == [named, daily, DAILY]
    assert applying(given, "anna") == [default, daily, DAILY]


async def test_what_reaches_the_tables_counts_once(storage: Storage) -> None:
    its = endpoint(DAILY)
    budgets = budgets_of(storage, its)
    budgets.spent(call(), 0.6, "j1")
    await budgets.refresh()
    budgets.check(its, ANNA)
    await move(storage, "j1", Entry(call(), 0.6))
    await budgets.refresh()
    budgets.check(its, ANNA)
    budgets.spent(call(), 0.4, "j2")
    with pytest.raises(BudgetSpent, match="1 EUR so far"):
        budgets.check(its, ANNA)


async def test_what_others_spent_counts_soon_and_after_a_restart_at_once(
    storage: Storage, until: Until
) -> None:
    its = endpoint(DAILY)
    running = budgets_of(storage, its)
    await running.start()
    running.check(its, ANNA)
    await move(storage, "j1", Entry(call("somebody"), 2.0))

    def is_spent(budgets: Budgets) -> bool:
        try:
            budgets.check(its, ANNA)
        except BudgetSpent:
            return True
        return False

    await until(lambda: is_spent(running))
    await running.stop()
    restarted = budgets_of(storage, its)
    await restarted.start()
    assert is_spent(restarted)
    await restarted.stop()


async def test_yesterdays_money_is_not_todays(storage: Storage) -> None:
    its = endpoint(DAILY)
    await move(storage, "j1", Entry(call(started_at=now_ms() - 32 * 24 * 3600 * 1000), 9.0))
    budgets = budgets_of(storage, its)
    await budgets.refresh()
    budgets.check(its, ANNA)


async def test_what_waits_in_memory_counts_until_its_journal_is_moved(storage: Storage) -> None:
    its = endpoint(DAILY)
    budgets = budgets_of(storage, its)
    budgets.spent(call(), 0.6, "")
    await budgets.refresh()
    budgets.written("j9")
    await move(storage, "j9", Entry(call(), 0.6))
    await budgets.refresh()
    budgets.check(its, ANNA)
    budgets.spent(call(), 0.5, "j10")
    with pytest.raises(BudgetSpent, match=r"1\.1 EUR"):
        budgets.check(its, ANNA)


async def test_without_budgets_nothing_is_remembered(storage: Storage) -> None:
    budgets = budgets_of(storage)
    budgets.spent(call(), 0.5, "j1")
    await budgets.refresh()
    budgets.spent(call(), 0.5, "j2")
    assert budgets._by_journal == {}


async def test_a_new_budget_counts_from_its_first_call_on(storage: Storage) -> None:
    budgets = budgets_of(storage)
    await budgets.refresh()
    its = endpoint(DAILY)
    budgets.check(its, ANNA)
    budgets.spent(call(), 1.5, "j1")
    with pytest.raises(BudgetSpent):
        budgets.check(its, ANNA)


async def test_a_database_that_is_gone_stops_no_counting(
    tmp_path: Path, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    storage = await Storage.open(tmp_path / "gone.db")
    its = endpoint(DAILY)
    budgets = budgets_of(storage, its)
    await budgets.start()
    await storage.write(lambda tx: tx.usage._connection.exec_driver_sql("DROP TABLE usage_totals"))
    await until(lambda: "cannot be read; trying again" in caplog.text)
    budgets.spent(call(), 1.5, "j1")
    with pytest.raises(BudgetSpent):
        budgets.check(its, ANNA)
    await budgets.stop()
    await storage.close()


def test_periods_end_where_the_next_begin() -> None:
    from lakeserve.reconcile.budgets import _end

    december = time.mktime((2026, 12, 31, 12, 0, 0, 0, 0, 0))
    ends = [
        time.strftime("%Y-%m-%d", time.gmtime(_end(kind, december))) for kind in ("day", "month")
    ]
    assert ends == ["2027-01-01", "2027-01-01"]
    february = time.mktime((2028, 2, 28, 12, 0, 0, 0, 0, 0))
    ends = [
        time.strftime("%Y-%m-%d", time.gmtime(_end(kind, february))) for kind in ("day", "month")
    ]
    assert ends == ["2028-02-29", "2028-03-01"]
