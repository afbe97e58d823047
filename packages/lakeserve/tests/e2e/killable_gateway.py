"""A gateway with its books that is forked anew for each line of standard input, to be killed.

Forking after the imports makes a start take milliseconds, so that a test can afford a hundred. The
listening socket is inherited: callers that come between two gateways wait for the next.

Arguments: data directory, path of the upstream's socket.
"""

import os
import socket
import sys
from pathlib import Path

import uvicorn
import uvloop
from gateway.stage import endpoint, target
from lakeserve.core.endpoints import Address
from lakeserve.core.identity import DEVELOPMENT_TOKEN, Principal, token_digest
from lakeserve.core.ports import Snapshot
from lakeserve.gateway.app import Gateway
from lakeserve.gateway.fake import FakeActivator, FixedDirectory
from lakeserve.gateway.inference import GatewayLimits
from lakeserve.gateway.joined_writes import JoinedWritesProtocol
from lakeserve.gateway.seams import Seams
from lakeserve.reconcile.books import GatewayBooks, PlatformBooks
from lakeserve.settings import ModelPrice, PriceSettings, Settings
from lakeserve.storage.database import Storage


def settings(data_dir: Path) -> Settings:
    prices = PriceSettings(models={"demo": ModelPrice(input=1.0, output=1.0)})
    return Settings(data_dir=data_dir, prices=prices)


def snapshot(upstream: str) -> Snapshot:
    address = Address(uds=upstream)
    plain = endpoint("plain", "llm/v1/chat", target("plain-1", address))
    return Snapshot(
        endpoints={"plain": plain},
        principals={token_digest(DEVELOPMENT_TOKEN): Principal("1", "anna", "A")},
    )


async def serve(listener: socket.socket, data_dir: Path, upstream: str) -> None:
    chosen = settings(data_dir)
    storage = await Storage.open(data_dir / "lakeserve.db")
    platform = PlatformBooks(storage, chosen)
    platform.start()
    directory = FixedDirectory(snapshot(upstream))
    books = GatewayBooks(storage, directory, chosen)
    await books.start({})
    limits = GatewayLimits(1_000_000, 60.0)
    gateway = Gateway(directory, FakeActivator(), limits, Seams(ledger=books.ledger))
    config = uvicorn.Config(
        gateway, http=JoinedWritesProtocol, loop="none", lifespan="off", log_config=None
    )
    await uvicorn.Server(config).serve(sockets=[listener])


def tell(fact: object) -> None:
    sys.stdout.write(f"{fact}\n")
    sys.stdout.flush()


def main() -> None:
    data_dir, upstream = Path(sys.argv[1]), sys.argv[2]
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    listener.setblocking(False)
    tell(listener.getsockname()[1])
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            uvloop.run(serve(listener, data_dir, upstream))
            os._exit(1)
        tell(child)
        os.waitpid(child, 0)
        tell("gone")


if __name__ == "__main__":
    main()
