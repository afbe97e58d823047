"""The transcripts that the platform's suite replays too, from the client's side."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_lakeserve import (
    ChatDatabricks,
    DatabricksEmbeddings,
    StatusError,
    StreamedAPIError,
)
from langchain_lakeserve._messages import assistant_from_wire, message_from_wire
from strict_endpoint.server import Scripted, StubServer

CONTRACTS = Path(__file__).parents[4] / "contracts"
CHAT = "/serving-endpoints/chat/completions"


@dataclass(frozen=True)
class Exchange:
    """One transcript."""

    name: str
    path: str
    request: Any
    status: int
    headers: dict[str, str]
    reply: bytes

    def script(self, size: int) -> Scripted:
        pieces = [self.reply[at : at + size] for at in range(0, len(self.reply), size)]
        return Scripted(pieces, self.status, self.headers)


def read(folder: Path) -> Exchange:
    facts = json.loads((folder / "exchange.json").read_text())
    (reply,) = folder.glob("reply.*")
    return Exchange(
        str(folder.relative_to(CONTRACTS)),
        facts["path"],
        facts.get("request"),
        facts["status"],
        facts.get("headers", {}),
        reply.read_bytes(),
    )


EXCHANGES = [read(path.parent) for path in sorted(CONTRACTS.rglob("exchange.json"))]
CHATS = [e for e in EXCHANGES if e.path == CHAT and e.request and e.request.get("messages")]
GOOD = [e for e in CHATS if e.status == 200 and not e.name.startswith("errors")]
BAD = [e for e in CHATS if e.status >= 400]


def named(exchanges: list[Exchange]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("exchange", exchanges, ids=lambda e: e.name)


def call(exchange: Exchange) -> tuple[list[BaseMessage], dict[str, Any]]:
    arguments = dict(exchange.request)
    messages = [message_from_wire(wire) for wire in arguments.pop("messages")]
    for name in ("model", "stream"):
        arguments.pop(name, None)
    return messages, arguments


def chat(server: StubServer, exchange: Exchange) -> ChatDatabricks:
    return ChatDatabricks(
        model=exchange.request["model"], host=server.host, token=server.token, max_retries=0
    )


def ask(server: StubServer, exchange: Exchange, *, native: bool) -> AIMessage:
    model = chat(server, exchange)
    messages, arguments = call(exchange)
    if not exchange.request.get("stream"):
        if native:
            return asyncio.run(model.ainvoke(messages, **arguments))
        return model.invoke(messages, **arguments)
    if native:
        chunks = asyncio.run(collect(model, messages, arguments))
    else:
        chunks = list(model.stream(messages, **arguments))
    total, *rest = chunks
    for chunk in rest:
        total += chunk
    return total


async def collect(
    model: ChatDatabricks, messages: list[BaseMessage], arguments: dict[str, Any]
) -> list[AIMessageChunk]:
    return [chunk async for chunk in model.astream(messages, **arguments)]


def parsed(value: Any) -> Any:
    """Read arguments inside of messages too: JSON may be spaced differently."""
    if isinstance(value, list):
        return [parsed(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: json.loads(item) if key == "arguments" and item else parsed(item)
        for key, item in value.items()
    }


def expected(exchange: Exchange) -> tuple[AIMessage, dict[str, int] | None]:
    """Make the message of a transcript by hand: one reply, or deltas laid end to end."""
    if not exchange.request.get("stream"):
        reply = json.loads(exchange.reply)
        return assistant_from_wire(reply["choices"][0]["message"]), reply.get("usage")
    text = ""
    usage: dict[str, int] | None = None
    calls: dict[int, dict[str, Any]] = {}
    for line in exchange.reply.decode().splitlines():
        if not line.startswith("data: {"):
            continue
        event = json.loads(line[len("data: ") :])
        usage = event.get("usage") or usage
        for choice in event["choices"]:
            text += choice["delta"].get("content") or ""
            for delta in choice["delta"].get("tool_calls") or ():
                kept = calls.setdefault(delta["index"], {"function": {"name": "", "arguments": ""}})
                kept["id"] = delta.get("id") or kept.get("id")
                for name, piece in delta["function"].items():
                    kept["function"][name] += piece or ""
    wire = {"content": text, "tool_calls": list(calls.values())}
    return assistant_from_wire(wire), usage


def test_there_are_transcripts() -> None:
    assert GOOD
    assert BAD


@named(GOOD)
@pytest.mark.parametrize("native", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_reply_is_understood(
    server: StubServer, exchange: Exchange, native: bool, size: int
) -> None:
    server.play(exchange.script(size))
    message = ask(server, exchange, native=native)
    wanted, usage = expected(exchange)
    assert message.content == wanted.content
    assert message.tool_calls == wanted.tool_calls
    counted = message.usage_metadata
    assert (counted and counted["total_tokens"]) == (usage and usage["total_tokens"])
    sent = parsed(server.last().body)
    assert {name: sent.get(name) for name in exchange.request} == parsed(exchange.request)


@named(BAD)
@pytest.mark.parametrize("native", [False, True], ids=["sync", "async"])
def test_an_error_is_understood(server: StubServer, exchange: Exchange, native: bool) -> None:
    server.play(exchange.script(100_000))
    with pytest.raises(StatusError) as caught:
        ask(server, exchange, native=native)
    reply = json.loads(exchange.reply)
    assert caught.value.status == exchange.status
    assert caught.value.error_code == reply["error_code"]
    assert caught.value.server_text == reply["message"]


@pytest.mark.parametrize("native", [False, True], ids=["sync", "async"])
def test_a_stream_that_is_cut_is_an_error(server: StubServer, native: bool) -> None:
    exchange = read(CONTRACTS / "errors" / "stream-cut")
    server.play(exchange.script(50))
    with pytest.raises(StreamedAPIError, match="closed the connection"):
        ask(server, exchange, native=native)


def test_embeddings_are_understood(server: StubServer) -> None:
    exchange = read(CONTRACTS / "embeddings-invocations")
    server.play(exchange.script(11))
    endpoint = exchange.path.split("/")[2]
    model = DatabricksEmbeddings(endpoint=endpoint, host=server.host, token=server.token)
    vectors = model.embed_documents(exchange.request["input"])
    assert vectors == [row["embedding"] for row in json.loads(exchange.reply)["data"]]
    assert (server.last().path, server.last().body) == (exchange.path, exchange.request)
