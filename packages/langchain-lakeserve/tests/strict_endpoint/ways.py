"""The four ways to ask a chat model, for tests that hold for each of them."""

from __future__ import annotations

import asyncio
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_lakeserve.chat_models import ChatDatabricks

from strict_endpoint.server import StubServer


def chat(server: StubServer, **more: Any) -> ChatDatabricks:
    """Return a model on the stub."""
    return ChatDatabricks(**{"model": "m", "host": server.host, "token": server.token, **more})


def add(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    """Add chunks up."""
    total = chunks[0]
    for chunk in chunks[1:]:
        total += chunk
    return total


def ask_invoke(model: ChatDatabricks) -> AIMessage:
    """Ask with invoke."""
    return model.invoke("hi")


def ask_stream(model: ChatDatabricks) -> AIMessage:
    """Ask with stream."""
    return add(list(model.stream("hi")))


def ask_ainvoke(model: ChatDatabricks) -> AIMessage:
    """Ask with ainvoke, in a loop of its own."""
    return asyncio.run(model.ainvoke("hi"))


def ask_astream(model: ChatDatabricks) -> AIMessage:
    """Ask with astream, in a loop of its own."""

    async def run() -> AIMessageChunk:
        return add([chunk async for chunk in model.astream("hi")])

    return asyncio.run(run())
