"""Usage: calls moved out of journals, their sums, and the entities that answered them."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Table, case, delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from lakeserve.core.usage import CallRecord, Spending, UsageKey, UsageTotal
from lakeserve.storage.frames import Entry
from lakeserve.storage.tables import endpoint_usage, moved_journals, usage_totals

DAY_MS = 24 * 3600 * 1000

_SUMS = ("calls", "failed_calls", "cached_calls", "input_tokens", "output_tokens", "cost")
_KEYS = ("day", "endpoint_id", "requester")


class UsageRepository:
    """Adds calls and reads sums inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def move(
        self, journal: str, entries: Sequence[Entry], *, workspace_id: str, now_ms: int
    ) -> bool:
        """Add the calls of a journal, unless they were added before.

        Returns:
            Whether they were new.
        """
        if self._moved_number(journal) is not None:
            return False
        self._connection.execute(insert(moved_journals), {"name": journal, "moved_at": now_ms})
        if entries:
            # The same call can stand in two journals only if a request id was given twice.
            rows = [_usage_row(entry.call, entry.cost, workspace_id) for entry in entries]
            self._connection.exec_driver_sql(_usage_insert(self._connection), rows)
            self._add_up(entries)
        return True

    def number(self, journal: str) -> int:
        """Where a moved journal stands in the order of all moved ones, from 1."""
        number = self._moved_number(journal)
        if number is None:
            raise LookupError(f"journal {journal} is not moved")
        return number

    def moved(self, journals: Iterable[str]) -> frozenset[str]:
        """Those of these journals whose calls are in the tables."""
        wanted = select(moved_journals.c.name).where(moved_journals.c.name.in_(list(journals)))
        return frozenset(self._connection.scalars(wanted))

    def totals(
        self,
        by: UsageKey,
        *,
        since: str | None = None,
        requester: str | None = None,
    ) -> tuple[UsageTotal, ...]:
        """Sums of all calls by one key, dearest and busiest first; days in their order.

        Args:
            by: What to add up by.
            since: The first day that counts, as ``2026-11-26``.
            requester: Only calls of this one.
        """
        table = usage_totals.c
        key = {"endpoint": table.endpoint_name, "user": table.requester, "day": table.day}[by]
        sums = [func.sum(table[name]).label(name) for name in _SUMS]
        wanted = select(key.label("key"), *sums).group_by(key)
        if since is not None:
            wanted = wanted.where(table.day >= since)
        if requester is not None:
            wanted = wanted.where(table.requester == requester)
        if by == "day":
            wanted = wanted.order_by(key)
        else:
            wanted = wanted.order_by(func.sum(table.cost).desc(), func.sum(table.calls).desc(), key)
        return tuple(
            UsageTotal(
                key=row.key,
                calls=int(row.calls),
                failed_calls=int(row.failed_calls),
                cached_calls=int(row.cached_calls),
                input_tokens=int(row.input_tokens),
                output_tokens=int(row.output_tokens),
                cost=float(row.cost),
            )
            for row in self._connection.execute(wanted)
        )

    def spending(self, endpoints: Sequence[str], today: str) -> tuple[Spending, ...]:
        """What was spent this month and today.

        Args:
            endpoints: Ids of the endpoints that count.
            today: A day of UTC, as ``2026-11-26``.
        """
        table = usage_totals.c
        is_today = case((table.day == today, table.cost), else_=0.0)
        wanted = (
            select(table.endpoint_id, table.requester, func.sum(table.cost), func.sum(is_today))
            .where(
                table.day >= f"{today[:7]}-01",
                table.endpoint_id.in_(list(endpoints)),
                table.cost > 0,
            )
            .group_by(table.endpoint_id, table.requester)
        )
        rows = self._connection.execute(wanted)
        return tuple(Spending(*row) for row in rows)

    def prune(self, *, calls_before_ms: int | None, journals_before_ms: int) -> int:
        """Forget old calls, but not their sums, and the names of journals long gone.

        Returns:
            How many calls were forgotten.
        """
        self._connection.execute(
            delete(moved_journals).where(moved_journals.c.moved_at < journals_before_ms)
        )
        if calls_before_ms is None:
            return 0
        old = delete(endpoint_usage).where(endpoint_usage.c.request_time < calls_before_ms)
        return self._connection.execute(old).rowcount

    def _moved_number(self, journal: str) -> int | None:
        return self._connection.scalar(
            select(moved_journals.c.number).where(moved_journals.c.name == journal)
        )

    def _add_up(self, entries: Sequence[Entry]) -> None:
        added = _insert(self._connection, usage_totals)
        sums = {name: usage_totals.c[name] + added.excluded[name] for name in _SUMS}
        names = {"endpoint_name": added.excluded.endpoint_name}
        upsert = added.on_conflict_do_update(
            index_elements=[usage_totals.c[name] for name in _KEYS], set_=sums | names
        )
        # In one order for all, so that two writers never wait for each other.
        rows = sorted(_sums(entries), key=lambda row: [row[name] for name in _KEYS])
        self._connection.execute(upsert, rows)


def day_of(epoch_ms: int) -> str:
    """The day of UTC that a time lies in, as ``2026-11-26``."""
    return time.strftime("%Y-%m-%d", time.gmtime(epoch_ms / 1000))


def _insert(connection: Connection, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """An insert that can say what to do with rows that are there already."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def _usage_insert(connection: Connection) -> str:
    """The insert of rows from ``_usage_row``.

    Rows go to the driver as they are: a third of the time that composed statements take, for the
    one table that gets a row with every call.
    """
    mark = "%s" if connection.dialect.name == "postgresql" else "?"
    marks = ", ".join([mark] * len(_COLUMNS))
    return (
        f"INSERT INTO {endpoint_usage.name} ({', '.join(_COLUMNS)}) VALUES ({marks})"  # noqa: S608
        " ON CONFLICT DO NOTHING"
    )


_COLUMNS = (
    "databricks_request_id",
    "kind",
    "account_id",
    "workspace_id",
    "client_request_id",
    "requester",
    "status_code",
    "request_time",
    "input_token_count",
    "output_token_count",
    "input_character_count",
    "output_character_count",
    "usage_context",
    "request_streaming",
    "served_entity_id",
    "served_entity_name",
    "endpoint_id",
    "endpoint_name",
    "operation",
    "provider",
    "model",
    "latency_ms",
    "queue_ms",
    "time_to_first_byte_ms",
    "attempts",
    "is_cached",
    "error_code",
    "cost",
)


def _usage_row(call: CallRecord, cost: float, workspace_id: str) -> tuple[object, ...]:
    context = call.usage_context
    return (
        call.request_id,
        "shadow" if call.is_shadow else "call",
        "",
        workspace_id,
        call.client_request_id,
        call.requester,
        call.status,
        call.started_at,
        call.input_tokens,
        call.output_tokens,
        call.input_characters,
        call.output_characters,
        orjson.dumps(context).decode() if context else None,
        call.streaming,
        call.entity_id,
        call.entity_name,
        call.endpoint_id,
        call.endpoint_name,
        call.operation,
        call.provider,
        call.model,
        call.duration_ms,
        call.queue_ms,
        call.first_byte_ms,
        call.attempts,
        call.is_cached,
        call.error_code,
        cost,
    )


def _sums(entries: Sequence[Entry]) -> Iterable[Mapping[str, Any]]:
    """Sums of calls by day, endpoint and requester.

    Shadow calls use tokens and money, but are no calls; what the cache answers uses nothing.
    """
    totals: dict[tuple[str, str, str], dict[str, Any]] = {}
    days: dict[int, str] = {}
    for call, cost, _ in entries:
        day = days.get(call.started_at // DAY_MS)
        if day is None:
            day = days[call.started_at // DAY_MS] = day_of(call.started_at)
        key = (day, call.endpoint_id, call.requester)
        total = totals.get(key)
        if total is None:
            total = dict(zip(_KEYS, key, strict=True)) | dict.fromkeys(_SUMS, 0)
            totals[key] = total
        total["endpoint_name"] = call.endpoint_name
        total["cost"] += cost
        if not call.is_cached:
            total["input_tokens"] += call.input_tokens
            total["output_tokens"] += call.output_tokens
        if not call.is_shadow:
            total["calls"] += 1
            total["failed_calls"] += call.status >= 400
            total["cached_calls"] += call.is_cached
    return totals.values()
