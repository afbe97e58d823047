"""What calls used and cost, in sums."""

from dataclasses import asdict
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends

from lakeserve.control.authorization import Caller
from lakeserve.core.identity import Principal
from lakeserve.core.usage import UsageKey
from lakeserve.storage.database import Storage

PATH = "/api/2.0/lakeserve/usage"

Json = dict[str, object]


def usage_routes(storage: Storage, caller: Caller, currency: str) -> APIRouter:
    """The route: everybody's usage for administrators, one's own for others."""
    router = APIRouter()

    @router.get(PATH)
    async def show(
        who: Annotated[Principal, Depends(caller)],
        by: UsageKey = "endpoint",
        since: date | None = None,
    ) -> Json:
        totals = await storage.read(
            lambda transaction: transaction.usage.totals(
                by,
                since=None if since is None else since.isoformat(),
                requester=None if who.admin else who.name,
            )
        )
        usage = [{by: row.pop("key"), **row} for row in map(asdict, totals)]
        return {"by": by, "currency": currency, "usage": usage}

    return router
