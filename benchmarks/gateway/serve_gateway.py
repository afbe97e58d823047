"""The gateway alone, as the platform runs it, with everything on that a governed call meets.

Authentication, permission by a group, a rate limit in calls and tokens, traffic split over two
entities, the usage journal on a real disk, from which the platform's own loop fills the tables and
counts the metrics of Prometheus; that loop runs in another process here, ``--books``, as it does
beside gateway processes.
"""

import argparse
import asyncio
import cProfile
import socket
from pathlib import Path
from typing import Any, cast

import uvicorn
import uvloop
from lakeserve.core.ai_gateway import AiGateway, RateLimit
from lakeserve.core.endpoints import Address, RoutableEndpoint, Target, Task
from lakeserve.core.grants import Grantees
from lakeserve.core.identity import Principal, token_digest
from lakeserve.core.ports import Snapshot
from lakeserve.core.prices import PriceTable
from lakeserve.gateway.app import Gateway
from lakeserve.gateway.direct import Front
from lakeserve.gateway.fake import FakeActivator, FixedDirectory
from lakeserve.gateway.inference import GatewayLimits
from lakeserve.gateway.limits.local import LocalLimiter
from lakeserve.gateway.seams import Seams
from lakeserve.reconcile.books import PlatformBooks
from lakeserve.reconcile.ledger import JournalLedger
from lakeserve.settings import Settings
from lakeserve.storage.database import Storage
from lakeserve.storage.journal import JournalWriter

from benchmarks.gateway.loads import TOKEN

MANY = 10**9
CALL_S = 297.0
IDLE_S = 75.0


def snapshot(upstream_port: int) -> Snapshot:
    """One chat endpoint and one for embeddings, each with two entities on the mock."""
    address = Address(host="127.0.0.1", port=upstream_port, base_path="/v1")
    targets = tuple(
        Target(name, name, "openai", "mock", "Mock", 50, address, credential=f"sk-{name}")
        for name in ("first", "second")
    )
    limits = (
        RateLimit("endpoint", calls=MANY, tokens=MANY),
        RateLimit("user", calls=MANY),
    )
    wanted = AiGateway(rate_limits=limits, usage_tracking=True)
    callers = Grantees(groups=frozenset({"bench"}))
    tasks: dict[str, Task] = {"chat": "llm/v1/chat", "embeddings": "llm/v1/embeddings"}
    endpoints = {
        name: RoutableEndpoint(
            name, name, task, "EXTERNAL_MODEL", targets, callers, callers, wanted
        )
        for name, task in tasks.items()
    }
    caller = Principal("1", "bench@example.com", "Bench", groups=("bench",))
    return Snapshot(endpoints=endpoints, principals={token_digest(TOKEN): caller})


async def serve(port: int, upstream_port: int, data: Path) -> None:
    """Serve until interrupted; several processes may share the port."""
    settings = Settings(data_dir=data)
    settings.journal_dir.mkdir(parents=True, exist_ok=True)
    ledger = JournalLedger(JournalWriter(settings.journal_dir), PriceTable())
    gateway = Gateway(
        FixedDirectory(snapshot(upstream_port)),
        FakeActivator(),
        GatewayLimits(4 * 1024 * 1024, CALL_S),
        Seams(ledger=ledger, limiter=LocalLimiter()),
    )
    config = uvicorn.Config(
        gateway,
        http=cast(Any, Front(gateway, CALL_S, IDLE_S)),  # uvicorn calls it for each connection
        loop="none",
        lifespan="off",
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(2048)
    ledger.start()
    await uvicorn.Server(config).serve(sockets=[listener])
    await ledger.stop()


async def keep_books(data: Path) -> None:
    """Move journals into tables and count metrics, until interrupted."""
    settings = Settings(data_dir=data)
    storage = await Storage.open(settings.database_path)
    books = PlatformBooks(storage, settings)
    books.start()
    await asyncio.Event().wait()


def main() -> None:
    """Serve, or keep the books."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--upstream", type=int, default=0)
    parser.add_argument("--books", action="store_true")
    parser.add_argument("--profile", type=Path)
    given = parser.parse_args()
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    work = keep_books(given.data) if given.books else serve(given.port, given.upstream, given.data)
    if given.profile is None:
        asyncio.run(work)
        return
    profile = cProfile.Profile()
    profile.runcall(asyncio.run, work)
    profile.dump_stats(given.profile)


if __name__ == "__main__":
    main()
