"""DatabricksEmbeddings over HTTP."""

from __future__ import annotations

import asyncio
import copy
import pickle
import time
from collections.abc import Callable
from typing import Any

import pytest
from langchain_lakeserve import (
    BadRequestError,
    DatabricksEmbeddings,
    EmptyReplyError,
    RateLimitError,
    ReplyError,
)
from pydantic import ValidationError
from strict_endpoint.server import StubServer, json_reply

Embed = Callable[[DatabricksEmbeddings, list[str]], list[list[float]]]


def model(server: StubServer, **more: Any) -> DatabricksEmbeddings:
    address = {"host": server.host, "token": server.token}
    return DatabricksEmbeddings(**{"endpoint": "bge", **address, **more})


def embed(embeddings: DatabricksEmbeddings, texts: list[str]) -> list[list[float]]:
    return embeddings.embed_documents(texts)


def aembed(embeddings: DatabricksEmbeddings, texts: list[str]) -> list[list[float]]:
    return asyncio.run(embeddings.aembed_documents(texts))


each_way = pytest.mark.parametrize("ask", [embed, aembed])
TEXTS = [f"text number {number}" for number in range(47)]


def row(index: int, number: float) -> dict[str, Any]:
    return {"object": "embedding", "index": index, "embedding": [number]}


@each_way
def test_batches_keep_the_order(server: StubServer, ask: Embed) -> None:
    alone = model(server)
    expected = [alone.embed_query(text) for text in TEXTS]
    server.requests.clear()
    assert ask(model(server, batch_size=10, max_concurrency=3), TEXTS) == expected
    assert sorted(len(r.body["input"]) for r in server.requests) == [7, 10, 10, 10, 10]
    assert {r.path for r in server.requests} == {"/serving-endpoints/bge/invocations"}


@each_way
def test_nothing_needs_no_request(server: StubServer, ask: Embed) -> None:
    assert ask(model(server), []) == []
    assert server.requests == []


@each_way
def test_rows_are_sorted_by_index(server: StubServer, ask: Embed) -> None:
    server.play(json_reply({"data": [row(1, 0.5), row(0, 0.25)]}))
    assert ask(model(server), ["a", "b"]) == [[0.25], [0.5]]


def test_rows_without_numbers_keep_their_order(server: StubServer) -> None:
    server.play(json_reply({"data": [row(0, 0.25), row(0, 0.5)]}))
    assert embed(model(server), ["a", "b"]) == [[0.25], [0.5]]


@each_way
def test_base64_is_asked_for_and_read(server: StubServer, ask: Embed) -> None:
    plain = ask(model(server), ["a"])
    packed = ask(model(server, encoding_format="base64"), ["a"])
    assert server.last().body["encoding_format"] == "base64"
    assert packed[0] == pytest.approx(plain[0], rel=1e-6)


def test_parameters(server: StubServer) -> None:
    embeddings = model(
        server, query_params={"instruction": "q"}, document_params={"instruction": "d"},
        dimensions=4,
    )  # fmt: skip
    assert len(embeddings.embed_query("a")) == 4
    assert server.last().body == {"input": ["a"], "instruction": "q", "dimensions": 4}
    embeddings.embed_documents(["a"])
    assert server.last().body["instruction"] == "d"
    with pytest.raises(ValidationError, match="chunk_size"):
        model(server, chunk_size=1)


def test_whole_numbers_become_floats(server: StubServer) -> None:
    server.play(json_reply({"data": [{"embedding": [0, 1, 0.5]}]}))
    assert [type(n) for n in model(server).embed_query("a")] == [float, float, float]


@each_way
def test_a_batch_that_is_too_large_is_cut(server: StubServer, ask: Embed) -> None:
    embeddings = model(server, batch_size=400)
    texts = ["a"] * 400
    assert len(ask(embeddings, texts)) == 400
    server.requests.clear()
    ask(embeddings, texts)  # the accepted size is remembered
    assert {len(r.body["input"]) for r in server.requests} == {100}


@each_way
def test_an_error_names_the_texts(server: StubServer, ask: Embed) -> None:
    def refuse() -> None:
        server.play(json_reply({"message": "text exceeds 512 tokens"}, 400))

    refuse()  # four texts
    refuse()  # two of them
    refuse()  # one of them
    with pytest.raises(BadRequestError, match=r"text 0 of 4") as caught:
        ask(model(server, max_concurrency=1), ["a", "b", "c", "d"])
    assert caught.value.texts == ("a",)
    server.play(json_reply({"message": "busy"}, 429))
    with pytest.raises(RateLimitError, match="texts 0 to 1 of 2"):
        ask(model(server, max_retries=0), ["a", "b"])


@each_way
def test_useless_replies(server: StubServer, ask: Embed) -> None:
    server.play(json_reply({"data": []}), json_reply({"data": [row(0, 1.0)]}), json_reply({"x": 1}))
    for kind in (EmptyReplyError, ReplyError, ReplyError):
        with pytest.raises(kind):
            ask(model(server), ["a", "b"])


def test_usage(server: StubServer) -> None:
    embeddings = model(server, batch_size=2)
    result = embeddings.embed_with_usage(["a b", "c", "d"])
    assert (result.usage, result.model) == ({"prompt_tokens": 4, "total_tokens": 4}, "bge")
    assert asyncio.run(embeddings.aembed_with_usage(["a b"])).usage["total_tokens"] == 2


def test_custom_models(server: StubServer) -> None:
    server.play(json_reply({"predictions": [[0.5], [1.5]]}))
    assert embed(model(server), ["a", "b"]) == [[0.5], [1.5]]


async def test_queries_at_once_do_not_queue(server: StubServer) -> None:
    server.latency = 0.2
    embeddings = model(server)
    await asyncio.gather(*[embeddings.aembed_query("a") for _ in range(200)])
    begun = time.monotonic()
    await asyncio.gather(*[embeddings.aembed_query("a") for _ in range(200)])
    assert time.monotonic() - begun < 2


def test_copies_and_secrets(server: StubServer) -> None:
    embeddings = model(server)
    embeddings.embed_query("a")
    for twin in (pickle.loads(pickle.dumps(embeddings)), copy.deepcopy(embeddings)):
        assert twin.embed_query("a") == embeddings.embed_query("a")
    assert server.token not in repr(embeddings)
