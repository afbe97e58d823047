"""Measures one subject in a fresh process and prints one line of JSON."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import re
import resource
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from http.client import HTTPConnection
from importlib.metadata import PackageNotFoundError, requires
from typing import Any

CALLS = 300
ROUNDS = 3
TOKEN = "dapi-benchmark"
DISTRIBUTIONS = {
    "lakeserve": "langchain-lakeserve",
    "databricks": "databricks-langchain",
    "openai": "langchain-openai",
    "core": "langchain-core",
}


def cpu_of(work: Callable[[], object], times: int) -> float:
    """Return the CPU time of one call in microseconds: the median of several rounds."""
    for _ in range(max(2, times // 10)):
        work()
    rounds = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(times):
            work()
        rounds.append((time.process_time() - begun) / times * 1e6)
    return statistics.median(rounds)


async def acpu_of(work: Callable[[], Awaitable[object]], times: int) -> float:
    """Return the CPU time of one awaited call in microseconds."""
    for _ in range(max(2, times // 10)):
        await work()
    rounds = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(times):
            await work()
        rounds.append((time.process_time() - begun) / times * 1e6)
    return statistics.median(rounds)


async def together(work: Callable[[], Awaitable[object]], count: int = 200) -> float:
    """Return the wall time of many calls at once in seconds, connections warm."""
    rounds = []
    for _ in range(ROUNDS + 1):
        begun = time.perf_counter()
        await asyncio.gather(*[work() for _ in range(count)])
        rounds.append(time.perf_counter() - begun)
    return statistics.median(rounds[1:])


def packages_of(distribution: str) -> int:
    """Count the distributions that installing one brings, itself included."""
    seen: set[str] = set()
    todo = [distribution]
    while todo:
        name = re.sub(r"[-_.]+", "-", todo.pop()).lower()
        if name in seen:
            continue
        try:
            needed = requires(name) or []
        except PackageNotFoundError:  # for another platform or Python
            continue
        seen.add(name)
        todo += [
            re.split(r"[\s;<>=!~\[(]", line, maxsplit=1)[0]
            for line in needed
            if "extra ==" not in line
        ]
    return len(seen)


def models(subject: str, host: str) -> tuple[Any, Any, Any, Any]:
    """Import a subject; return a chat model, a slow one, embeddings and slow embeddings."""
    if subject == "lakeserve":
        ours = importlib.import_module("langchain_lakeserve")
        address = {"host": host, "token": TOKEN}
        return (
            ours.ChatDatabricks(model="m", **address),
            ours.ChatDatabricks(model="slow", **address),
            ours.DatabricksEmbeddings(endpoint="m", batch_size=150, **address),
            ours.DatabricksEmbeddings(endpoint="slow", **address),
        )
    if subject == "databricks":
        os.environ.update(DATABRICKS_HOST=host, DATABRICKS_TOKEN=TOKEN)
        theirs = importlib.import_module("databricks_langchain")
        return (
            theirs.ChatDatabricks(model="m"),
            theirs.ChatDatabricks(model="slow"),
            theirs.DatabricksEmbeddings(endpoint="m"),
            theirs.DatabricksEmbeddings(endpoint="slow"),
        )
    other = importlib.import_module("langchain_openai")
    base: dict[str, Any] = {"base_url": f"{host}/serving-endpoints", "api_key": TOKEN}
    vectors = {**base, "check_embedding_ctx_length": False, "chunk_size": 150}
    return (
        other.ChatOpenAI(model="m", stream_usage=True, **base),
        other.ChatOpenAI(model="slow", stream_usage=True, **base),
        other.OpenAIEmbeddings(model="m", **vectors),
        other.OpenAIEmbeddings(model="slow", **vectors),
    )


def measure_subject(subject: str, host: str) -> dict[str, float]:
    """Measure one LangChain package."""
    wall, cpu = time.perf_counter(), time.process_time()
    chat, slow, embeddings, slow_embeddings = models(subject, host)
    result: dict[str, float] = {
        "import, wall s": time.perf_counter() - wall,
        "import, CPU s": time.process_time() - cpu,
        "memory after import, MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "packages": packages_of(DISTRIBUTIONS[subject]),
    }
    result["invoke, CPU us"] = cpu_of(lambda: chat.invoke("Hello there"), CALLS)
    chunks = sum(1 for _ in chat.stream("Hello there"))
    result["stream, CPU us per chunk"] = (
        cpu_of(lambda: [None for _ in chat.stream("Hello there")], 20) / chunks
    )
    texts = [f"text {number}" for number in range(1000)]
    result["embed 1000x1024, CPU ms"] = cpu_of(lambda: embeddings.embed_documents(texts), 3) / 1000

    async def run() -> None:
        async def drain() -> int:
            return len([None async for _ in chat.astream("Hello there")])

        result["ainvoke, CPU us"] = await acpu_of(lambda: chat.ainvoke("Hello there"), CALLS)
        count = await drain()
        result["astream, CPU us per chunk"] = await acpu_of(drain, 20) / count
        result["200 ainvoke at 200 ms, wall s"] = await together(lambda: slow.ainvoke("Hello"))
        result["200 aembed_query at 200 ms, wall s"] = await together(
            lambda: slow_embeddings.aembed_query("Hello")
        )

    asyncio.run(run())
    return result


def measure_core(_: str) -> dict[str, float]:
    """Measure LangChain alone: a model that answers without a network."""
    wall, cpu = time.perf_counter(), time.process_time()
    fakes = importlib.import_module("langchain_core.language_models.fake_chat_models")
    importlib.import_module("langchain_core.embeddings")
    chat = fakes.GenericFakeChatModel(messages=iter(lambda: "Hello! How can I help you?", None))
    streaming = fakes.FakeListChatModel(responses=["x" * 200])
    result: dict[str, float] = {
        "import, wall s": time.perf_counter() - wall,
        "import, CPU s": time.process_time() - cpu,
        "memory after import, MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "packages": packages_of("langchain-core"),
        "invoke, CPU us": cpu_of(lambda: chat.invoke("Hello there"), CALLS),
    }
    result["stream, CPU us per chunk"] = (
        cpu_of(lambda: [None for _ in streaming.stream("Hello there")], 20) / 200
    )

    async def run() -> None:
        async def drain() -> int:
            return len([None async for _ in streaming.astream("Hello there")])

        result["ainvoke, CPU us"] = await acpu_of(lambda: chat.ainvoke("Hello there"), CALLS)
        result["astream, CPU us per chunk"] = await acpu_of(drain, 20) / 200

    asyncio.run(run())
    return result


def measure_raw(host: str) -> dict[str, float]:
    """Measure bare HTTP: http.client for sync calls, aiohttp for async ones."""
    aiohttp = importlib.import_module("aiohttp")
    loads = importlib.import_module("orjson").loads
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hello"}]}).encode()
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    path = "/serving-endpoints/chat/completions"
    connection = HTTPConnection(host.removeprefix("http://"))

    def post(where: str, what: bytes) -> Any:
        connection.request("POST", where, what, headers)
        return loads(connection.getresponse().read())

    result = {"invoke, CPU us": cpu_of(lambda: post(path, body), CALLS)}
    inputs = [json.dumps({"input": ["x"] * n}).encode() for n in (150,) * 6 + (100,)]
    vectors = "/serving-endpoints/m/invocations"
    result["embed 1000x1024, CPU ms"] = (
        cpu_of(lambda: [post(vectors, one) for one in inputs], 3) / 1000
    )

    async def run() -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

            async def apost(what: bytes) -> Any:
                async with session.post(host + path, data=what, headers=headers) as reply:
                    return loads(await reply.read())

            slow = body.replace(b'"m"', b'"slow"')
            result["ainvoke, CPU us"] = await acpu_of(lambda: apost(body), CALLS)
            result["200 ainvoke at 200 ms, wall s"] = await together(lambda: apost(slow))

    asyncio.run(run())
    return result


def main() -> None:
    """Measure the subject named on the command line."""
    subject, host = sys.argv[1:]
    if subject == "core":
        result = measure_core(host)
    elif subject == "raw":
        result = measure_raw(host)
    else:
        result = measure_subject(subject, host)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
