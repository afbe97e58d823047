"""What the tests of the gateway play on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gateway.caller import Caller
from gateway.strict_upstream import StrictUpstream
from lakeserve.core.ai_gateway import AiGateway
from lakeserve.core.clusters import RoutableCluster
from lakeserve.core.endpoints import Address, RoutableEndpoint, Target, Task
from lakeserve.core.grants import EVERYONE
from lakeserve.core.identity import DEVELOPMENT_TOKEN, Principal, token_digest
from lakeserve.core.ports import Snapshot
from lakeserve.gateway.app import Gateway
from lakeserve.gateway.fake import FakeActivator, FakeLedger, FixedDirectory
from lakeserve.gateway.inference import GatewayLimits
from lakeserve.gateway.seams import Seams

MAX_REQUEST_BYTES = 100_000
TIMEOUT_S = 5.0
SECRET = "sk-very-secret"
CHAT = "/serving-endpoints/chat/completions"
CLUSTER = "0000-000000-test"
HELLO: dict[str, Any] = {"model": "my-chat", "messages": [{"role": "user", "content": "hello"}]}
STREAM = {**HELLO, "stream": True}
EXTERNAL = {**HELLO, "model": "my-external"}


@dataclass
class Stage:
    """A gateway and all that stands around it.

    Attributes:
        worker: Behind the local endpoints, on a unix socket.
        vendor: Behind ``my-external``, on TCP.
        ledger: Has what was written down of the calls.
    """

    worker: StrictUpstream
    vendor: StrictUpstream
    directory: FixedDirectory
    activator: FakeActivator
    gateway: Gateway
    caller: Caller
    folder: Path
    worker_address: Address
    ledger: FakeLedger

    def govern(self, name: str, wanted: AiGateway | None) -> None:
        """Let an endpoint ask this of the gateway."""
        self.add(replace(self.directory.now.endpoints[name], ai_gateway=wanted))

    def add(self, endpoint: RoutableEndpoint) -> None:
        """Add or replace an endpoint."""
        now = self.directory.now
        endpoints = {**now.endpoints, endpoint.name: endpoint}
        self.directory.now = replace(now, endpoints=endpoints)


def target(name: str, address: Address | None, **fields: Any) -> Target:
    given: dict[str, Any] = {
        "entity_id": f"id-{name}",
        "entity_name": name,
        "provider": "local",
        "upstream_model": "demo",
        "model_name": "Demo",
        "weight": 100,
        "address": address,
    }
    return Target(**{**given, **fields})


def endpoint(name: str, task: Task, *targets: Target) -> RoutableEndpoint:
    kind = "FOUNDATION_MODEL_API"
    return RoutableEndpoint(f"id-{name}", name, task, kind, targets, EVERYONE, EVERYONE)


def snapshot(worker: Address, vendor: Address) -> Snapshot:
    mini = target("my-embeddings-1", worker, model_name="MiniLM", upstream_model="minilm")
    external = target(
        "my-external-1",
        replace(vendor, base_path="/v1"),
        provider="openai",
        upstream_model="gpt-x",
        credential=SECRET,
    )
    endpoints = (
        endpoint("my-chat", "llm/v1/chat", target("my-chat-1", worker)),
        endpoint("my-completions", "llm/v1/completions", target("my-completions-1", worker)),
        endpoint("my-embeddings", "llm/v1/embeddings", mini),
        endpoint("my-external", "llm/v1/chat", external),
    )
    return Snapshot(
        endpoints={each.name: each for each in endpoints},
        principals={token_digest(DEVELOPMENT_TOKEN): Principal("1", "a@b.c", "A", admin=True)},
        clusters={CLUSTER: RoutableCluster(CLUSTER, "127.0.0.1", EVERYONE)},
    )


@asynccontextmanager
async def open_stage(
    folder: Path, timeout_s: float = TIMEOUT_S, **seams: Any
) -> AsyncIterator[Stage]:
    """A stage; on leaving, whatever the gateway did wrong towards an upstream is an error."""
    worker, vendor = StrictUpstream(), StrictUpstream()
    address = await worker.listen_unix(str(folder / "w"))
    directory = FixedDirectory(snapshot(address, await vendor.listen_tcp()))
    activator = FakeActivator({"id-my-chat-1": address})
    ledger = FakeLedger()
    limits = GatewayLimits(MAX_REQUEST_BYTES, timeout_s)
    gateway = Gateway(directory, activator, limits, Seams(**{"ledger": ledger, **seams}))
    caller = Caller(gateway)
    yield Stage(worker, vendor, directory, activator, gateway, caller, folder, address, ledger)
    await gateway.aclose(0)
    assert gateway.in_flight == 0
    await worker.aclose()
    await vendor.aclose()
    assert worker.faults == []
    assert vendor.faults == []
