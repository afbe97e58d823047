"""The gateway alone, on uvicorn with uvloop and httptools, as the platform runs it.

Run as ``python serve_gateway.py PORT UPSTREAM_PORT [PROFILE]``; with a third argument a profile of
the whole run is written there.
"""

import asyncio
import cProfile
import sys
from typing import Any, cast

import uvicorn
import uvloop
from lakeserve.core.endpoints import Address, RoutableEndpoint, Target, Task
from lakeserve.core.grants import EVERYONE
from lakeserve.core.identity import DEVELOPMENT_TOKEN, Principal, token_digest
from lakeserve.core.ports import Snapshot
from lakeserve.gateway.app import Gateway
from lakeserve.gateway.direct import Front
from lakeserve.gateway.fake import FakeActivator, FixedDirectory
from lakeserve.gateway.inference import GatewayLimits


def snapshot(upstream_port: int) -> Snapshot:
    """One chat endpoint and one for embeddings, both on the mock."""
    address = Address(host="127.0.0.1", port=upstream_port, base_path="/v1")
    target = Target("id", "entity", "openai", "mock", "Mock", 100, address, credential="sk-bench")
    tasks: dict[str, Task] = {"chat-bench": "llm/v1/chat", "embed-bench": "llm/v1/embeddings"}
    endpoints = {
        name: RoutableEndpoint(name, name, task, "EXTERNAL_MODEL", (target,), EVERYONE, EVERYONE)
        for name, task in tasks.items()
    }
    principals = {token_digest(DEVELOPMENT_TOKEN): Principal("1", "bench", "Bench")}
    return Snapshot(endpoints=endpoints, principals=principals)


async def serve(port: int, upstream_port: int) -> None:
    """Serve until interrupted."""
    directory = FixedDirectory(snapshot(upstream_port))
    gateway = Gateway(directory, FakeActivator(), GatewayLimits(4 * 1024 * 1024, 297.0))
    config = uvicorn.Config(
        gateway,
        host="127.0.0.1",
        port=port,
        http=cast(Any, Front(gateway, 297.0, 75.0)),  # uvicorn calls it for each connection
        loop="none",
        lifespan="off",
        ws="none",
        log_level="warning",
        access_log=False,
    )
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    work = serve(int(sys.argv[1]), int(sys.argv[2]))
    if len(sys.argv) > 3:
        profile = cProfile.Profile()
        profile.runcall(asyncio.run, work)
        profile.dump_stats(sys.argv[3])
    else:
        asyncio.run(work)
