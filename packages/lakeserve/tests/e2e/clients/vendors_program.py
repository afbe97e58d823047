"""The clients of others, unmodified, through every vendor's endpoint that ``ENDPOINTS`` lists."""

import asyncio
import json
import os
import sys
import traceback
import warnings

warnings.filterwarnings("ignore")

import openai  # noqa: E402
from databricks.sdk import WorkspaceClient  # noqa: E402
from databricks.sdk.service.serving import ChatMessage, ChatMessageRole  # noqa: E402
from databricks_langchain import ChatDatabricks, DatabricksEmbeddings  # noqa: E402
from langchain_community.chat_models import ChatMlflow as CommunityChat  # noqa: E402
from langchain_community.embeddings import (  # noqa: E402
    DatabricksEmbeddings as CommunityEmbeddings,
)
from langchain_community.llms import Databricks as CommunityLlm  # noqa: E402
from mlflow.deployments import get_deploy_client  # noqa: E402

HOST, TOKEN = os.environ["DATABRICKS_HOST"], os.environ["DATABRICKS_TOKEN"]
ENDPOINTS = json.loads(os.environ["ENDPOINTS"])
QUESTION = [{"role": "user", "content": "Grüße"}]
SAID = "You said: Grüße"

mlflow_client = get_deploy_client("databricks")
workspace = WorkspaceClient()
openai_client = openai.OpenAI(api_key=TOKEN, base_url=f"{HOST}/serving-endpoints", max_retries=0)
async_client = openai.AsyncOpenAI(
    api_key=TOKEN, base_url=f"{HOST}/serving-endpoints", max_retries=0
)
checks = []


def check(task):
    def listed(function):
        checks.append((task, function))
        return function

    return listed


def text_of(chunks):
    return "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"])


@check("chat")
def mlflow_predict(endpoint):
    answer = mlflow_client.predict(endpoint=endpoint["name"], inputs={"messages": QUESTION})
    assert answer["choices"][0]["message"]["content"] == SAID, answer
    assert answer["usage"]["total_tokens"] > 0, answer
    if endpoint["streams"]:
        stream = mlflow_client.predict_stream(
            endpoint=endpoint["name"], inputs={"messages": QUESTION}
        )
        chunks = list(stream)
        assert text_of(chunks) == SAID, chunks
        assert chunks[-1]["usage"]["total_tokens"] == 18, chunks


@check("chat")
def databricks_sdk(endpoint):
    message = ChatMessage(role=ChatMessageRole.USER, content="Grüße")
    answer = workspace.serving_endpoints.query(endpoint["name"], messages=[message])
    assert answer.choices[0].message.content == SAID, answer
    assert answer.served_model_name == endpoint["name"], answer


@check("chat")
def openai_chat(endpoint):
    name = endpoint["name"]
    answer = openai_client.chat.completions.create(model=name, messages=QUESTION)
    assert answer.choices[0].message.content == SAID, answer
    if endpoint["streams"]:
        stream = openai_client.chat.completions.create(model=name, messages=QUESTION, stream=True)
        chunks = list(stream)
        assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == SAID
        assert chunks[-1].usage.completion_tokens == 7, chunks


@check("chat")
def openai_async(endpoint):
    async def ask():
        answer = await async_client.chat.completions.create(
            model=endpoint["name"], messages=QUESTION
        )
        assert answer.choices[0].message.content == SAID, answer
        if endpoint["streams"]:
            stream = await async_client.chat.completions.create(
                model=endpoint["name"], messages=QUESTION, stream=True
            )
            chunks = [chunk async for chunk in stream]
            assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == SAID

    loop.run_until_complete(ask())


@check("chat")
def openai_responses(endpoint):
    name = endpoint["name"]
    answer = openai_client.responses.create(model=name, input="Grüße")
    assert answer.output_text == SAID, answer
    if endpoint["streams"]:
        with openai_client.responses.stream(model=name, input=QUESTION) as stream:
            final = [event.type for event in stream]
            assert stream.get_final_response().output_text == SAID
        assert final[-1] == "response.completed", final


@check("chat")
def databricks_langchain(endpoint):
    chat = ChatDatabricks(model=endpoint["name"])
    assert chat.invoke("Grüße").content == SAID
    if endpoint["streams"]:
        chunks = list(chat.stream("Grüße"))
        assert "".join(chunk.content for chunk in chunks) == SAID, chunks
        used = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata]
        assert used[-1]["total_tokens"] == 18, chunks
    if endpoint["tools"]:
        called = chat.bind_tools([weather]).invoke("Weather?")
        assert called.tool_calls[0]["args"] == {"city": "Zürich"}, called


@check("chat")
def databricks_langchain_unified(endpoint):
    chat = ChatDatabricks(model=endpoint["name"], use_ai_gateway=True)
    assert chat.invoke("Grüße").content == SAID
    native = ChatDatabricks(model=endpoint["name"], use_ai_gateway_native_api=True)
    assert native.invoke("Grüße").content == SAID


@check("chat")
def databricks_langchain_responses(endpoint):
    chat = ChatDatabricks(model=endpoint["name"], use_responses_api=True)
    answer = chat.invoke("Grüße")
    assert answer.text() == SAID if callable(answer.text) else answer.text == SAID, answer
    if endpoint["tools"]:
        called = chat.bind_tools([weather]).invoke("Weather?")
        assert called.tool_calls[0]["args"] == {"city": "Zürich"}, called
    if endpoint["streams"]:
        whole = None
        for chunk in chat.stream("Grüße"):
            whole = chunk if whole is None else whole + chunk
        text = whole.text() if callable(whole.text) else whole.text
        assert text == SAID, whole


@check("chat")
def community_chat(endpoint):
    chat = CommunityChat(target_uri="databricks", endpoint=endpoint["name"], temperature=0.0)
    assert chat.invoke("Grüße").content == SAID
    if endpoint["streams"]:
        assert "".join(chunk.content for chunk in chat.stream("Grüße")) == SAID


@check("chat")
def community_llm(endpoint):
    llm = CommunityLlm(endpoint_name=endpoint["name"], temperature=0.0)
    assert llm.invoke("Grüße") == SAID


@check("completions")
def completions(endpoint):
    name = endpoint["name"]
    answer = mlflow_client.predict(endpoint=name, inputs={"prompt": "Grüße"})
    assert answer["choices"][0]["text"] == SAID, answer
    answer = workspace.serving_endpoints.query(name, prompt="Grüße")
    assert answer.choices[0].text == SAID, answer
    answer = openai_client.completions.create(model=name, prompt="Grüße", max_tokens=9)
    assert answer.choices[0].text == SAID, answer
    assert answer.usage.total_tokens > 0, answer
    if endpoint["streams"]:
        stream = openai_client.completions.create(model=name, prompt="Grüße", stream=True)
        chunks = list(stream)
        assert "".join(c.choices[0].text for c in chunks if c.choices) == SAID, chunks
        assert chunks[-1].usage.total_tokens == 18, chunks


@check("embeddings")
def embeddings(endpoint):
    name = endpoint["name"]
    texts = ["ab", "cde"]
    expected = [[float(len(text)), 0.5] for text in texts]
    answer = mlflow_client.predict(endpoint=name, inputs={"input": texts})
    assert [each["embedding"] for each in answer["data"]] == expected, answer
    answer = workspace.serving_endpoints.query(name, input=texts)
    assert [each.embedding for each in answer.data] == expected, answer
    answer = openai_client.embeddings.create(model=name, input=texts)
    assert [each.embedding for each in answer.data] == expected, answer
    for client in (DatabricksEmbeddings, CommunityEmbeddings):
        made = client(endpoint=name)
        assert made.embed_documents(texts) == expected
        assert made.embed_query("ab") == expected[0]


def weather(city: str) -> str:
    """Get the current weather for a city."""
    return city


loop = asyncio.new_event_loop()
failed = 0
for endpoint in ENDPOINTS:
    for task, function in checks:
        if task == endpoint["task"]:
            try:
                function(endpoint)
            except Exception:  # noqa: BLE001 - every failure is to be told
                failed += 1
                print(f"--- {endpoint['name']}: {function.__name__}", file=sys.stderr)
                print(traceback.format_exc()[-1500:], file=sys.stderr)
loop.close()
assert not failed, f"{failed} failed"
print("passed")
