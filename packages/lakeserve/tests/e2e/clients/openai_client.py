"""openai, unmodified: chat, streaming, tools, completions, embeddings and errors, also async."""

import asyncio
import os

import openai
from watching import Calls, refused

BASE = os.environ["DATABRICKS_HOST"] + "/serving-endpoints"
KEY = os.environ["DATABRICKS_TOKEN"]
calls = Calls()
client = calls.watch(openai.OpenAI(base_url=BASE, api_key=KEY))
MODEL = "databricks-dbrx-instruct"
question = [{"role": "user", "content": "What is MLflow?"}]

reply = client.chat.completions.create(model=MODEL, messages=question, temperature=0)
text = reply.choices[0].message.content
assert "MLflow" in text, reply
assert reply.choices[0].finish_reason == "stop", reply
assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
assert reply._request_id, reply

with client.chat.completions.create(
    model=MODEL, messages=question, temperature=0, stream=True
) as stream:
    chunks = list(stream)
assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == text
assert chunks[-1].usage.completion_tokens == reply.usage.completion_tokens

tool = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the current weather",
        "parameters": {
            "type": "object",
            "properties": {"location": {"type": "string"}},
            "required": ["location"],
        },
    },
}
for choice in ("auto", "required", {"type": "function", "function": {"name": "get_weather"}}):
    called = client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "What is the weather in Paris?"}],
        tools=[tool],
        tool_choice=choice,
        temperature=0,
    ).choices[0]
    assert called.finish_reason == "tool_calls", called
    assert called.message.tool_calls[0].function.name == "get_weather", called
    assert called.message.content is None, called
silent = client.chat.completions.create(
    model=MODEL, messages=question, tools=[tool], tool_choice="none", temperature=0
).choices[0]
assert silent.message.tool_calls is None, silent

several = client.chat.completions.create(
    model=MODEL, messages=question, n=2, logprobs=True, top_logprobs=2, max_tokens=8, seed=7
)
assert [c.index for c in several.choices] == [0, 1], several
assert len(several.choices[0].logprobs.content[0].top_logprobs) == 2, several
assert several.choices[0].finish_reason == "length", several

schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
shaped = client.chat.completions.create(
    model=MODEL,
    messages=question,
    max_tokens=64,
    response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": schema}},
)
assert shaped.choices[0].message.content.lstrip().startswith("{"), shaped

completion = client.completions.create(model=MODEL, prompt="The capital of", max_tokens=4)
assert completion.usage.completion_tokens == 4, completion

response = client.responses.create(model=MODEL, input="What is MLflow?", temperature=0)
assert "MLflow" in response.output_text, response
events = list(client.responses.create(model=MODEL, input="What is MLflow?", stream=True))
assert events[-1].type == "response.completed", events[-1]

vectors = client.embeddings.create(model="databricks-bge-large-en", input=["hello", "world"])
assert [len(item.embedding) for item in vectors.data] == [384, 384]


async def without_threads():
    async with openai.AsyncOpenAI(base_url=BASE, api_key=KEY) as twin:
        watched = calls.watch(twin, prefix="async.")
        asked = await watched.chat.completions.create(model=MODEL, messages=question, temperature=0)
        assert asked.choices[0].message.content == text, asked
        stream = await watched.chat.completions.create(
            model=MODEL, messages=question, temperature=0, stream=True
        )
        parts = [part async for part in stream]
        joined = "".join(p.choices[0].delta.content or "" for p in parts if p.choices)
        assert joined == text, joined
        vectors = await watched.embeddings.create(model="databricks-bge-large-en", input="hello")
        assert len(vectors.data[0].embedding) == 384, vectors
        begun = await watched.completions.create(model=MODEL, prompt="The", max_tokens=2)
        assert begun.usage.completion_tokens == 2, begun
        raised = None
        try:
            await watched.chat.completions.create(model="nobody", messages=question)
        except openai.NotFoundError as error:
            raised = error
        assert raised is not None


asyncio.run(without_threads())

ask = {"model": MODEL, "messages": question}
for wrong, expected, part in (
    ({"model": "nobody"}, openai.NotFoundError, "does not exist"),
    ({"temperature": 5}, openai.BadRequestError, "temperature"),
):
    refused(expected, lambda wrong=wrong: client.chat.completions.create(**ask | wrong), part)
stranger = openai.OpenAI(base_url=BASE, api_key="wrong")
refused(
    openai.PermissionDeniedError,
    lambda: stranger.chat.completions.create(**ask),
    "Invalid access token",
)
nobody = openai.OpenAI(base_url=BASE, api_key="x", default_headers={"Authorization": "Nothing"})
refused(
    openai.AuthenticationError, lambda: nobody.chat.completions.create(**ask), "Credential was not"
)
calls.passed()
