"""databricks-langchain, unmodified: chat, streaming, tools, structured answers and embeddings."""

import asyncio

import openai
from databricks_langchain import ChatDatabricks, DatabricksEmbeddings
from pydantic import BaseModel
from watching import Calls, refused

calls = Calls()
model = ChatDatabricks(model="databricks-dbrx-instruct", temperature=0, max_tokens=128)
chat = calls.watch(model, prefix="ChatDatabricks.")
reply = chat.invoke("What is MLflow?")
assert "MLflow" in reply.content, reply
assert reply.usage_metadata["output_tokens"] > 0, reply

chunks = list(chat.stream("What is MLflow?"))
assert len(chunks) > 3, chunks
assert "".join(chunk.content for chunk in chunks) == reply.content, chunks


async def without_threads():
    asked = (await chat.ainvoke("What is MLflow?")).content
    return asked, "".join([chunk.content async for chunk in chat.astream("What is MLflow?")])


assert asyncio.run(without_threads()) == (reply.content, reply.content)


def get_weather(location: str) -> str:
    """Get the current weather for a city."""
    return location


called = chat.bind_tools([get_weather], tool_choice="get_weather").invoke("Weather in Paris?")
assert called.tool_calls[0]["name"] == "get_weather", called


class City(BaseModel):
    """A city."""

    name: str


shaped = chat.with_structured_output(City, method="json_schema").invoke("Name a city.")
assert isinstance(shaped, City), shaped
several = chat.batch(["What is MLflow?", "What is MLflow?"])
assert [each.content for each in several] == [reply.content] * 2, several
responding = calls.watch(
    ChatDatabricks(model="databricks-dbrx-instruct", temperature=0, use_responses_api=True),
    prefix="responses.ChatDatabricks.",
)
assert "MLflow" in responding.invoke("What is MLflow?").text
assert "MLflow" in "".join(chunk.text for chunk in responding.stream("What is MLflow?"))
unified = calls.watch(
    ChatDatabricks(model="databricks-dbrx-instruct", temperature=0, use_ai_gateway=True),
    prefix="ai_gateway.ChatDatabricks.",
)
assert "MLflow" in unified.invoke("What is MLflow?").content
refused(
    openai.NotFoundError,
    lambda: ChatDatabricks(model="nobody").invoke("hello"),
    "does not exist",
)

embeddings = calls.watch(
    DatabricksEmbeddings(endpoint="databricks-bge-large-en"), prefix="DatabricksEmbeddings."
)
assert len(embeddings.embed_query("hello")) == 384
assert [len(v) for v in embeddings.embed_documents(["a", "b", "c"])] == [384] * 3
calls.passed()
