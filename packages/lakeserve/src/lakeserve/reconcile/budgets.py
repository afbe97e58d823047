"""Money that endpoints and users may spend: refuses calls when it is spent."""

import asyncio
import calendar
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache

from lakeserve.core.ai_gateway import Budget
from lakeserve.core.endpoints import RoutableEndpoint
from lakeserve.core.errors import BudgetSpent
from lakeserve.core.ports import Directory
from lakeserve.core.usage import CallRecord, Spending
from lakeserve.storage.database import Storage
from lakeserve.storage.transaction import Transaction

logger = logging.getLogger(__name__)

REFRESH_S = 0.2
# Reading takes at most a tenth of the time: between two readings lies so many times what one takes.
IDLE_SHARE = 9
RETRY_S = 5.0
DAY_S = 24 * 3600

# Of one endpoint, and of one user there or of all (an empty name), in a day or a month.
Key = tuple[str, str, str]


class Budgets:
    """Knows what was spent: what the tables say, and what this process spent since.

    Spending of other processes counts once it is in the tables, within a second.

    Args:
        storage: Has the sums of all that is in the tables.
        directory: Knows which endpoints have budgets.
        currency: For messages.
        refresh_s: How often the sums are read.
    """

    def __init__(
        self, storage: Storage, directory: Directory, currency: str, refresh_s: float = REFRESH_S
    ) -> None:
        self._storage = storage
        self._directory = directory
        self._currency = currency
        self._refresh_s = refresh_s
        self._stored: Mapping[Key, float] = {}
        self._own: dict[Key, float] = {}
        self._by_journal: dict[str, dict[Key, float]] = {}
        self._has_budgets = True
        self._task: asyncio.Task[None] | None = None

    @property
    def has_budgets(self) -> bool:
        """Whether any endpoint has one; what is spent need not be remembered otherwise."""
        return self._has_budgets

    def check(self, endpoint: RoutableEndpoint, requester: str) -> None:
        """Let a call pass whose budgets are not spent.

        Raises:
            BudgetSpent: One is.
        """
        gateway = endpoint.ai_gateway
        if gateway is None or not gateway.budgets:
            return
        # From now on this call's money counts, however new the budget is.
        self._has_budgets = True
        now = time.time()
        for budget in applying(gateway.budgets, requester):
            who = requester if budget.key == "user" else ""
            key = (endpoint.id, who, _period(budget.period, now))
            spent = self._stored.get(key, 0.0) + self._own.get(key, 0.0)
            if spent >= budget.amount:
                raise self._refusal(endpoint, budget, who, spent, now)

    def spent(self, call: CallRecord, cost: float, journal: str) -> None:
        """This process has written a call down, in a journal or, without a name, in memory."""
        if not self._has_budgets:
            return
        day = _period("day", call.started_at / 1000)
        its = self._by_journal.setdefault(journal, {})
        for who in ("", call.requester):
            for period in (day, day[:7]):
                key = (call.endpoint_id, who, period)
                its[key] = its.get(key, 0.0) + cost
                self._own[key] = self._own.get(key, 0.0) + cost

    def written(self, journal: str) -> None:
        """What waited in memory is in this journal."""
        its = self._by_journal.setdefault(journal, {})
        for key, cost in self._by_journal.pop("", {}).items():
            its[key] = its.get(key, 0.0) + cost

    async def start(self) -> None:
        """Read what was spent, and go on reading.

        Raises:
            Unavailable: The database cannot be read.
        """
        await self.refresh()
        self._task = asyncio.create_task(self._run(), name="budgets")

    async def stop(self) -> None:
        """End reading."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def refresh(self) -> None:
        """Read what was spent.

        Raises:
            Unavailable: The database cannot be read now; what was known stays.
        """
        endpoints = self._directory.snapshot().endpoints.values()
        budgeted = [each.id for each in endpoints if each.ai_gateway and each.ai_gateway.budgets]
        self._has_budgets = bool(budgeted)
        if not budgeted:
            self._by_journal.clear()
            self._own.clear()
            return
        journals = list(self._by_journal)
        today = _period("day", time.time())

        def read(transaction: Transaction) -> tuple[frozenset[str], tuple[Spending, ...]]:
            # In this order: what moves in between counts twice for a moment rather than never.
            moved = transaction.usage.moved(journals)
            return moved, transaction.usage.spending(budgeted, today)

        moved, spending = await self._storage.read(read)
        self._stored = _sums(spending, today)
        for journal in moved:
            del self._by_journal[journal]
        own: dict[Key, float] = {}
        for its in self._by_journal.values():
            for key, cost in its.items():
                own[key] = own.get(key, 0.0) + cost
        self._own = own

    async def _run(self) -> None:
        pause = self._refresh_s
        last_s = 0.0
        while True:
            await asyncio.sleep(pause)
            began = time.monotonic()
            try:
                await self.refresh()
                # The sums of very many users take long to read; the database has other work, too.
                # What took long once only was held up by something else.
                took_s = time.monotonic() - began
                pause = max(self._refresh_s, IDLE_SHARE * min(took_s, last_s))
                last_s = took_s
            except Exception:
                # What this process spends itself goes on counting.
                logger.exception("what was spent of budgets cannot be read; trying again")
                pause = RETRY_S

    def _refusal(
        self, endpoint: RoutableEndpoint, budget: Budget, who: str, spent: float, now: float
    ) -> BudgetSpent:
        whose = f"user {who!r} for endpoint" if who else "endpoint"
        resets = _end(budget.period, now)
        return BudgetSpent(
            f"The budget of {whose} {endpoint.name!r}, {budget.amount:g} {self._currency} per"
            f" {budget.period}, is spent: {spent:.6g} {self._currency} so far. It begins anew at"
            f" {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(resets))}.",
            retry_after=max(1, int(resets - now) + 1),
        )


def applying(budgets: tuple[Budget, ...], user: str) -> list[Budget]:
    """The budgets that a user's call must fit in; one that names the user replaces the default."""
    own = {each.period for each in budgets if each.key == "user" and each.principal == user}
    return [
        each
        for each in budgets
        if each.key == "endpoint"
        or each.principal == user
        or (each.principal is None and each.period not in own)
    ]


def _period(kind: str, now: float) -> str:
    """A day of UTC as ``2026-11-26`` or a month as ``2026-11``."""
    day = _day(int(now) // DAY_S)
    return day if kind == "day" else day[:7]


@lru_cache(maxsize=8)
def _day(number: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(number * DAY_S))


def _end(kind: str, now: float) -> int:
    """When the period that ``now`` lies in ends."""
    if kind == "day":
        return (int(now) // DAY_S + 1) * DAY_S
    at = time.gmtime(now)
    year, month = (at.tm_year + 1, 1) if at.tm_mon == 12 else (at.tm_year, at.tm_mon + 1)
    return calendar.timegm((year, month, 1, 0, 0, 0))


def _sums(spending: tuple[Spending, ...], today: str) -> dict[Key, float]:
    sums: dict[Key, float] = {}
    for each in spending:
        for who in ("", each.requester):
            for period, cost in ((today, each.today), (today[:7], each.month)):
                key = (each.endpoint_id, who, period)
                sums[key] = sums.get(key, 0.0) + cost
    return sums
