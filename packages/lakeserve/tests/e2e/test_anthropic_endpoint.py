"""An endpoint made over the API that leads to a server of Anthropic's protocol."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import openai
import orjson
import pytest
from gateway.strict_upstream import StrictUpstream
from harness import PlatformProcess
from langchain_core.messages import AIMessageChunk
from langchain_lakeserve import ChatDatabricks
from providers.strict_anthropic import KEY, MODEL, script

NAME = "e2e-claude"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER: Any = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}


def configuration(base: str, key: str) -> dict[str, Any]:
    config = {"anthropic_api_key_plaintext": key, "anthropic_api_base": base}
    model = {
        "name": MODEL,
        "provider": "anthropic",
        "task": "llm/v1/chat",
        "anthropic_config": config,
    }
    return {"served_entities": [{"name": "claude", "external_model": model}]}


@pytest.fixture
async def vendor(platform: PlatformProcess) -> AsyncIterator[StrictUpstream]:
    """The server, while an endpoint leads to it."""
    upstream = StrictUpstream(script)
    address = await upstream.listen_tcp()
    base = f"http://127.0.0.1:{address.port}/v1"
    await made(platform, NAME, configuration(base, KEY))
    await made(platform, f"{NAME}-locked", configuration(base, "wrong"))
    yield upstream
    for name in (NAME, f"{NAME}-locked"):
        await asyncio.to_thread(platform.request, "DELETE", f"/api/2.0/serving-endpoints/{name}")
    await upstream.aclose()
    assert upstream.faults == []


async def made(platform: PlatformProcess, name: str, config: dict[str, Any]) -> None:
    """Create an endpoint and wait until it is ready."""
    body = {"name": name, "config": config}
    path = "/api/2.0/serving-endpoints"
    reply = await asyncio.to_thread(platform.request, "POST", path, body)
    assert reply.status == 200, reply.body
    assert KEY.encode() not in reply.body
    for _ in range(100):
        reply = await asyncio.to_thread(platform.request, "GET", f"{path}/{name}")
        if orjson.loads(reply.body)["state"]["ready"] == "READY":
            return
        await asyncio.sleep(0.1)
    raise AssertionError(reply.body)


@pytest.fixture
async def client(platform: PlatformProcess) -> AsyncIterator[openai.AsyncOpenAI]:
    made = openai.AsyncOpenAI(
        api_key=platform.token, base_url=f"{platform.url}/serving-endpoints", max_retries=0
    )
    async with made as opened:
        yield opened


async def test_openai_client(vendor: StrictUpstream, client: openai.AsyncOpenAI) -> None:
    asked: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Grüße"}]
    whole = await client.chat.completions.create(model=NAME, messages=asked, n=1)
    assert whole.choices[0].message.content == "You said: Grüße"
    assert whole.usage is not None
    assert whole.usage.total_tokens == 18
    assert vendor.seen[-1].json()["system"] == "Be brief."

    stream = await client.chat.completions.create(model=NAME, messages=asked, stream=True)
    chunks = [chunk async for chunk in stream]
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == "You said: Grüße"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 18


async def test_tools_with_the_openai_client(
    vendor: StrictUpstream, client: openai.AsyncOpenAI
) -> None:
    turns: Any = [{"role": "user", "content": "Weather?"}]
    answer = await client.chat.completions.create(model=NAME, messages=turns, tools=[WEATHER])
    message = answer.choices[0].message
    assert message.tool_calls is not None
    (call,) = message.tool_calls
    assert call.type == "function"
    assert orjson.loads(call.function.arguments) == {"city": "Zürich"}
    turns += [
        message.model_dump(),
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
    ]
    answer = await client.chat.completions.create(model=NAME, messages=turns, tools=[WEATHER])
    assert answer.choices[0].message.content == "The tool says sunny."


async def test_errors_with_the_openai_client(
    vendor: StrictUpstream, client: openai.AsyncOpenAI
) -> None:
    hello: Any = [{"role": "user", "content": "Hello"}]
    with pytest.raises(openai.BadRequestError, match="'seed' is not supported"):
        await client.chat.completions.create(model=NAME, messages=hello, seed=1)
    assert vendor.seen == []
    with pytest.raises(openai.BadRequestError, match="less than or equal to 1"):
        await client.chat.completions.create(model=NAME, messages=hello, temperature=2)
    with pytest.raises(openai.PermissionDeniedError, match="external_model_error") as caught:
        await client.chat.completions.create(model=f"{NAME}-locked", messages=hello)
    assert "wrong" not in str(caught.value)


async def test_langchain(
    vendor: StrictUpstream, platform: PlatformProcess, environment: None
) -> None:
    model = ChatDatabricks(endpoint=NAME)
    answer = await model.ainvoke("Hello")
    assert answer.content == "You said: Hello"
    parts = [part async for part in model.bind_tools([WEATHER]).astream("Weather?")]
    chunks = [part for part in parts if isinstance(part, AIMessageChunk)]
    calls = [call for chunk in chunks for call in chunk.tool_call_chunks]
    assert [call["name"] for call in calls if call["name"]] == ["weather"]
    assert orjson.loads("".join(call["args"] or "" for call in calls)) == {"city": "Zürich"}
    assert len(vendor.seen) == 2
