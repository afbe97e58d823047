"""Every transcript of ``contracts/``, replayed through the gateway with its bytes split up."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest
from gateway.caller import VALID
from gateway.stage import Stage
from gateway.strict_upstream import LAST_CHUNK, Seen, Step, chunk, chunked_head, whole

ROOT = Path(__file__).parents[4] / "contracts"
FOLDERS = sorted(path.parent for path in ROOT.rglob("exchange.json"))
PIECES = [1, 7, 1000]


def reply_bytes(folder: Path) -> bytes:
    events = folder / "reply.sse"
    return (events if events.exists() else folder / "reply.json").read_bytes()


def upstream_steps(folder: Path, exchange: dict[str, Any], piece: int) -> list[Step]:
    """The upstream's answer: the reply's own bytes, or those of ``upstream.json``."""
    answer: dict[str, Any] = {"status": exchange["status"], "headers": exchange["headers"]}
    body = reply_bytes(folder)
    special = folder / "upstream.json"
    if special.exists():
        answer = orjson.loads(special.read_bytes())
        body = answer["body"]
        body = body.encode() if isinstance(body, str) else orjson.dumps(body)
    kind = answer["headers"]["content-type"]
    parts = [body[at : at + piece] for at in range(0, len(body), piece)]
    if kind == "text/event-stream":
        end: list[Step] = ["close"] if answer.get("cut") else [LAST_CHUNK]
        return [chunked_head(kind), *(chunk(part) for part in parts), *end]
    others = [item for item in answer["headers"].items() if item[0] == "retry-after"]
    raw = whole(answer["status"], body, kind, *others)
    return [raw[at : at + piece] for at in range(0, len(raw), piece)]


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: str(path.relative_to(ROOT)))
async def test_replay(stage: Stage, folder: Path, piece: int) -> None:
    exchange = orjson.loads((folder / "exchange.json").read_bytes())

    def script(_: Seen) -> list[Step]:
        return upstream_steps(folder, exchange, piece)

    stage.worker.script = stage.vendor.script = script
    text = exchange.get("request_text")
    answer = await stage.caller.call(
        exchange["path"],
        text.encode() if text is not None else exchange["request"],
        method=exchange["method"],
        authorization=exchange.get("authorization", VALID),
    )
    assert answer.status == exchange["status"]
    assert exchange["headers"].items() <= answer.headers.items()
    assert answer.headers["x-request-id"] == answer.headers["x-databricks-request-id"]
    assert answer.body == reply_bytes(folder)
    assert answer.finished
    await asyncio.sleep(0.01)
    assert stage.worker.open + stage.vendor.open <= 1


def test_there_are_transcripts() -> None:
    assert len(FOLDERS) > 20


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_transcripts_have_their_form(folder: Path) -> None:
    exchange = orjson.loads((folder / "exchange.json").read_bytes())
    allowed = {"method", "path", "authorization", "request", "request_text", "status", "headers"}
    assert set(exchange) <= allowed
    assert ("request" in exchange) != ("request_text" in exchange)
    names = {path.name for path in folder.iterdir()}
    assert names <= {"exchange.json", "reply.json", "reply.sse", "upstream.json"}
    assert ("reply.sse" in names) != ("reply.json" in names)
