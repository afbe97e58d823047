"""However a call ends, the tables have it once, with the tokens and the money that it took."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from databases import Database
from deltalake import DeltaTable
from gateway.stage import CHAT, HELLO, STREAM, Stage, endpoint, open_stage, target
from gateway.strict_upstream import LAST_CHUNK, Seen, Step, chunk, chunked_head, until, whole
from lakeserve.core.ai_gateway import AiGateway, Budget, PayloadTable, RateLimit, Routing
from lakeserve.gateway.cache import MemoryCache
from lakeserve.gateway.limits.local import LocalLimiter
from lakeserve.reconcile.books import GatewayBooks, PlatformBooks
from lakeserve.settings import ModelPrice, PriceSettings, Settings
from lakeserve.storage.database import Storage

USAGE = {"prompt_tokens": 7, "completion_tokens": 5}
REPLY = orjson.dumps({"choices": [{"message": {"content": "hi"}}], "usage": USAGE})
TEXT = b'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
LAST = b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5}}\n\n'
DONE = b"data: [DONE]\n\n"
COST = 7 * 1.0 + 5 * 2.0
TABLE = PayloadTable(True, "main", "ml", "chat")

# Status, streaming, input and output tokens, cached, error code, kind, cost.
Row = tuple[int, int, int, int, int, str, str, float]
OK: Row = (200, 0, 7, 5, 0, "", "call", COST)


class Books:
    """A stage whose ledger is the real one, on a real database."""

    def __init__(self, data_dir: Path, stage: Stage, gateway: GatewayBooks) -> None:
        self.data_dir, self.stage, self.gateway = data_dir, stage, gateway

    async def rows(self) -> list[Row]:
        """What the tables have of all calls, in the order of their beginning."""
        self.gateway.ledger.seal()
        storage = await Storage.open(self.data_dir / "lakeserve.db")
        platform = PlatformBooks(storage, settings(self.data_dir))
        platform.start()
        await platform.stop()
        await storage.close()
        columns = (
            "status_code, request_streaming, input_token_count, output_token_count, is_cached,"
            " error_code, kind, cost"
        )
        wanted = f"SELECT {columns} FROM endpoint_usage ORDER BY request_time, kind"
        found = Database("sqlite", self.data_dir / "lakeserve.db").rows(wanted)
        return [(*row[:-1], round(row[-1] * 1e6, 6)) for row in found]


def settings(data_dir: Path) -> Settings:
    prices = PriceSettings(models={"demo": ModelPrice(input=1.0, output=2.0)})
    return Settings(data_dir=data_dir, prices=prices)


@pytest.fixture
async def books(tmp_path: Path) -> AsyncIterator[Books]:
    storage = await Storage.open(tmp_path / "lakeserve.db")
    PlatformBooks(storage, settings(tmp_path))  # makes the folder of journals
    later = Later()
    with tempfile.TemporaryDirectory(prefix="gw") as folder:
        seams: dict[str, Any] = {"limiter": LocalLimiter(), "cache": MemoryCache(1_000_000)}
        opened = open_stage(Path(folder), ledger=later, **seams)
        async with opened as stage:
            gateway = GatewayBooks(storage, stage.directory, settings(tmp_path))
            later.books = gateway
            await gateway.start({})
            stage.worker.script = answer
            yield Books(tmp_path, stage, gateway)
            await gateway.stop()
    await storage.close()


class Later:
    """The ledger of books that are opened after the gateway."""

    books: GatewayBooks

    def admit(self, *given: Any) -> None:
        self.books.ledger.admit(*given)

    def record(self, *given: Any) -> None:
        self.books.ledger.record(*given)


def answer(seen: Seen) -> list[Step]:
    if "stream" in seen.json():
        return [chunked_head(), *map(chunk, (TEXT, LAST, DONE)), LAST_CHUNK]
    return [whole(200, REPLY)]


async def test_answers(books: Books) -> None:
    await books.stage.caller.call(CHAT, HELLO)
    await asyncio.sleep(0.002)
    await books.stage.caller.call(CHAT, STREAM)
    assert await books.rows() == [OK, (200, 1, *OK[2:])]


async def test_limits(books: Books) -> None:
    books.stage.govern("my-chat", AiGateway(rate_limits=(RateLimit(calls=1),)))
    for _ in range(2):
        await books.stage.caller.call(CHAT, HELLO)
        await asyncio.sleep(0.002)
    limited = (429, 0, 0, 0, 0, "REQUEST_LIMIT_EXCEEDED", "call", 0.0)
    assert await books.rows() == [OK, limited]


async def test_budgets(books: Books) -> None:
    books.stage.govern("my-chat", AiGateway(budgets=(Budget(1e-6, "day"),)))
    await books.stage.caller.call(CHAT, HELLO)
    await asyncio.sleep(0.002)
    refused = await books.stage.caller.call(CHAT, HELLO)
    assert refused.status == 429
    assert refused.headers["x-should-retry"] == "false"
    assert "USD per day, is spent" in refused.json()["message"]
    spent = (429, 0, 0, 0, 0, "REQUEST_LIMIT_EXCEEDED", "call", 0.0)
    assert await books.rows() == [OK, spent]


async def test_upstream_errors(books: Books) -> None:
    books.stage.worker.script = lambda _: [whole(400, b'{"message": "no"}')]
    await books.stage.caller.call(CHAT, HELLO)
    await asyncio.sleep(0.002)
    books.stage.worker.script = lambda _: [chunked_head(), chunk(TEXT), "close"]
    await books.stage.caller.call(CHAT, STREAM)
    refused, broken = await books.rows()
    assert refused[0] == 400
    assert (broken[0], broken[1], broken[6]) == (502, 1, "call")


async def test_callers_that_leave(books: Books) -> None:
    long = TEXT.replace(b"hi", b"eight tokens, as four characters")
    books.stage.worker.script = lambda _: [chunked_head(), chunk(long), asyncio.Event()]
    call = books.stage.caller.start(CHAT, STREAM)
    await call.parts(1)
    call.leave()
    await until(lambda: books.stage.gateway.in_flight == 0)
    (row,) = await books.rows()
    assert (row[0], row[1], row[3], row[5]) == (499, 1, 8, "CANCELLED")


async def test_the_cache(books: Books) -> None:
    books.stage.govern("my-chat", AiGateway(cache_ttl_s=60))
    for _ in range(2):
        await books.stage.caller.call(CHAT, HELLO)
        await asyncio.sleep(0.002)
    assert await books.rows() == [OK, (200, 0, 7, 5, 1, "", "call", 0.0)]


async def test_shadows(books: Books) -> None:
    stage = books.stage
    both = (
        target("my-chat-1", stage.worker_address),
        target("copy", stage.worker_address, weight=0),
    )
    stage.add(endpoint("my-chat", "llm/v1/chat", *both))
    stage.govern("my-chat", AiGateway(routing=Routing(shadow_entity="copy")))
    await stage.caller.call(CHAT, HELLO)
    await until(lambda: len(stage.worker.seen) == 2)
    await asyncio.sleep(0.05)
    rows = await books.rows()
    assert sorted(rows) == sorted([OK, (*OK[:6], "shadow", COST)])


async def test_payloads(books: Books) -> None:
    books.stage.govern("my-chat", AiGateway(payload_table=TABLE))
    await books.stage.caller.call(CHAT, HELLO)
    await books.stage.caller.call(CHAT, STREAM)
    await books.rows()
    path = books.data_dir / "tables/main/ml/chat_payload"
    kept = DeltaTable(str(path)).to_pyarrow_table().to_pylist()
    assert len(kept) == 2
    assert {orjson.loads(row["request"]).get("stream", False) for row in kept} == {True, False}
    for row in kept:
        message = orjson.loads(row["response"])["choices"][0]["message"]
        assert message["content"] == "hi"
        assert (row["status_code"], row["requester"]) == (200, "a@b.c")
