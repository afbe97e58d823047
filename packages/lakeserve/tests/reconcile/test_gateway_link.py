import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from lakeserve.core.endpoints import Address
from lakeserve.core.errors import Unavailable
from lakeserve.reconcile.gateway_link import GatewayLink, NoPlatform, PlatformLink

Until = Callable[[Callable[[], bool]], Awaitable[None]]

WORKER = Address(uds="/run/worker.sock")


class Workers:
    """Knows one entity."""

    async def activate(self, entity_id: str) -> Address:
        if entity_id != "known":
            raise Unavailable(f"{entity_id} did not start", retry_after=7)
        return WORKER


class Gateway:
    """Counts how often it looked, and can be slow."""

    def __init__(self, path: Path) -> None:
        self.revision = 0
        self.stored = 0
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.link = PlatformLink(path, self.catch_up)

    async def catch_up(self) -> int:
        await self.go_on.wait()
        self.revision = self.stored
        return self.revision


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[GatewayLink]:
    made = GatewayLink()
    await made.start(tmp_path / "link.sock", Workers())
    yield made
    await made.stop()


@pytest.fixture
async def gateways(
    platform: GatewayLink, tmp_path: Path, until: Until
) -> AsyncIterator[list[Gateway]]:
    made = [Gateway(tmp_path / "link.sock") for _ in range(2)]
    for gateway in made:
        gateway.link.start()
    await until(lambda: len(platform._followers) == 2)
    yield made
    for gateway in made:
        await gateway.link.stop()


async def test_a_worker_is_started_for_a_gateway(
    platform: GatewayLink, gateways: list[Gateway]
) -> None:
    link = gateways[0].link
    assert await link.activate("known") == WORKER
    with pytest.raises(Unavailable, match="other did not start") as refused:
        await link.activate("other")
    assert refused.value.retry_after == 7
    await platform.stop()
    with pytest.raises(Unavailable, match="does not answer"):
        await link.activate("known")


async def test_a_change_counts_everywhere_before_it_is_answered(
    platform: GatewayLink, gateways: list[Gateway]
) -> None:
    for gateway in gateways:
        gateway.stored = 5
    await platform.announce(5)
    assert [gateway.revision for gateway in gateways] == [5, 5]


async def test_a_gateway_that_hangs_does_not_hold_up_the_others(
    platform: GatewayLink, gateways: list[Gateway], until: Until
) -> None:
    first, second = gateways
    first.stored = second.stored = 6
    first.go_on.clear()
    await asyncio.wait_for(platform.announce(6), 20)
    assert (first.revision, second.revision) == (0, 6)
    first.go_on.set()
    await until(lambda: first.revision == 6)


async def test_a_platform_that_was_started_again_is_found(
    platform: GatewayLink,
    gateways: list[Gateway],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    until: Until,
) -> None:
    monkeypatch.setattr("lakeserve.reconcile.gateway_link.RECONNECT_S", 0.01)
    await platform.stop()
    again = GatewayLink()
    await again.start(tmp_path / "link.sock", Workers())
    await until(lambda: len(again._followers) == 2)
    await again.announce(0)
    await again.stop()


@pytest.mark.parametrize("said", [b"", b"words\n", b"[]\n", b"{}\n", b'{"follow": "x"}\n'])
async def test_what_is_no_message_ends_the_connection(
    platform: GatewayLink, tmp_path: Path, said: bytes
) -> None:
    reader, writer = await asyncio.open_unix_connection(tmp_path / "link.sock")
    writer.write(said)
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()
    link = PlatformLink(tmp_path / "link.sock", Workers().activate)  # type: ignore[arg-type]
    assert await link.activate("known") == WORKER


async def test_secrets_do_not_travel(platform: GatewayLink, tmp_path: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(tmp_path / "link.sock")
    writer.write(b'{"activate": "known"}\n')
    answer = json.loads(await reader.readline())
    assert set(answer["address"]) <= {"uds", "host", "port", "tls", "base_path"}
    writer.close()


async def test_without_a_platform_nearby() -> None:
    with pytest.raises(Unavailable, match="on another machine"):
        await NoPlatform().activate("known")
