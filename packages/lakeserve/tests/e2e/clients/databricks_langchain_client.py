"""databricks-langchain, unmodified: chat, streaming, tools and embeddings."""

import asyncio

from databricks_langchain import ChatDatabricks, DatabricksEmbeddings

chat = ChatDatabricks(model="databricks-dbrx-instruct", temperature=0, max_tokens=128)
reply = chat.invoke("What is MLflow?")
assert "MLflow" in reply.content, reply
assert reply.usage_metadata["output_tokens"] > 0, reply

chunks = list(chat.stream("What is MLflow?"))
assert len(chunks) > 3, chunks
assert "".join(chunk.content for chunk in chunks) == reply.content, chunks

assert asyncio.run(chat.ainvoke("What is MLflow?")).content == reply.content


def get_weather(location: str) -> str:
    """Get the current weather for a city."""
    return location


called = chat.bind_tools([get_weather], tool_choice="get_weather").invoke("Weather in Paris?")
assert called.tool_calls[0]["name"] == "get_weather", called

embeddings = DatabricksEmbeddings(endpoint="databricks-bge-large-en")
assert len(embeddings.embed_query("hello")) == 384
assert [len(v) for v in embeddings.embed_documents(["a", "b", "c"])] == [384] * 3
print("passed")
