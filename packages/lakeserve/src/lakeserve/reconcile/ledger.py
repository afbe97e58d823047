"""Writes calls down in the journal of this process, with what they cost."""

import asyncio
from collections import Counter
from contextlib import suppress
from typing import Protocol

from lakeserve.core.endpoints import RoutableEndpoint
from lakeserve.core.errors import Unavailable
from lakeserve.core.prices import PriceTable
from lakeserve.core.usage import CallRecord
from lakeserve.storage.journal import JournalWriter

SEAL_S = 0.5
# Where other processes wait to hear what was spent.
HURRY_S = 0.25
RETRY_AFTER_S = 5


class Purse(Protocol):
    """Knows what may be spent, and hears of what this process spends before the tables do.

    Attributes:
        has_budgets: Whether it matters at all what is spent.
    """

    @property
    def has_budgets(self) -> bool:
        """See the class."""
        ...

    def check(self, endpoint: RoutableEndpoint, requester: str) -> None:
        """Refuse a call for which no money is left.

        Raises:
            TooManyRequests: A budget is spent.
        """
        ...

    def spent(self, call: CallRecord, cost: float, journal: str) -> None:
        """A call was written down in a journal, or waits in memory when that is empty."""
        ...

    def written(self, journal: str) -> None:
        """What waited in memory is in this journal."""
        ...


class JournalLedger:
    """The gateway's ``Ledger``. ``start`` it, and ``stop`` it after the last call.

    Args:
        journal: Where calls go.
        prices: What they cost.
        purse: Asked before calls, and told of those that cost something.
        seal_s: How often the open journal is completed.
        hurry_s: The same while there are budgets.

    Attributes:
        strays: Requests that concerned no endpoint, by the status of their answer.
    """

    def __init__(
        self,
        journal: JournalWriter,
        prices: PriceTable,
        purse: Purse | None = None,
        *,
        seal_s: float = SEAL_S,
        hurry_s: float = HURRY_S,
    ) -> None:
        self._journal = journal
        self._prices = prices
        self._purse = purse
        self._seal_s = seal_s
        self._hurry_s = hurry_s
        self._task: asyncio.Task[None] | None = None
        self.strays: Counter[int] = Counter()

    def admit(self, endpoint: RoutableEndpoint, requester: str) -> None:
        """See ``Ledger.admit``."""
        if self._journal.is_full:
            raise _full()
        if self._purse is not None:
            self._purse.check(endpoint, requester)

    def record(self, call: CallRecord) -> None:
        """See ``Ledger.record``."""
        journal = self._journal
        if journal.is_full:
            raise _full()
        cost = 0.0
        if not self._prices.is_empty and not call.is_cached:  # which has been paid before
            cost = self._prices.cost(
                call.provider, call.model, call.input_tokens, call.output_tokens
            )
        journal.append(call, cost)
        if cost and self._purse is not None:
            self._purse.spent(call, cost, "" if journal.waiting else journal.name)

    def unmatched(self, status: int) -> None:
        """See ``Ledger.unmatched``."""
        self.strays[status] += 1

    def start(self) -> None:
        """Complete the journal from time to time, so that its calls reach the tables."""
        self._task = asyncio.create_task(self._seal(), name="journal")

    async def stop(self) -> None:
        """Complete the journal for the last time."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self.seal()

    def seal(self) -> None:
        """Complete the journal now."""
        written = self._journal.seal()
        if written and self._purse is not None:
            self._purse.written(written)

    async def _seal(self) -> None:
        waited_s = 0.0
        while True:
            await asyncio.sleep(self._hurry_s)
            waited_s += self._hurry_s
            in_a_hurry = self._purse is not None and self._purse.has_budgets
            if in_a_hurry or waited_s >= self._seal_s:
                self.seal()
                waited_s = 0.0


def _full() -> Unavailable:
    return Unavailable(
        "Usage cannot be written down now, so calls are not answered: the platform's disk is full.",
        retry_after=RETRY_AFTER_S,
    )
