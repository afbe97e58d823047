"""The page "ChatDatabricks": everything it shows, against a foundation endpoint."""

import asyncio

from langchain_core.messages import HumanMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_lakeserve import ChatDatabricks

chat_model = ChatDatabricks(
    endpoint="databricks-dbrx-instruct",
    temperature=0.1,
    max_tokens=256,
)

print("invoke:", chat_model.invoke("What is MLflow?"))

messages = [
    ("system", "You are a chatbot that can answer questions about Databricks."),
    ("user", "What is Databricks Model Serving?"),
]
print("messages:", chat_model.invoke(messages).content)

chat = ChatDatabricks(target_uri="databricks", endpoint="databricks-dbrx-instruct", temperature=0.1)
print("call:", chat([HumanMessage(content="hello")]).content)

prompt = ChatPromptTemplate.from_messages(
    [
        ("system", "You are a chatbot that can answer questions about {topic}."),
        ("user", "{question}"),
    ]
)
chain = prompt | chat_model
answer = chain.invoke({"topic": "Databricks", "question": "What is Unity Catalog?"})
print("chain:", answer.content)

print("stream: ", end="")
for chunk in chat_model.stream("How are you?"):
    print(chunk.content, end="|", flush=True)
print()


async def capitals() -> None:
    countries = ["Japan", "Italy", "Australia"]
    futures = [chat_model.ainvoke(f"Where is the capital of {c}?") for c in countries]
    for country, reply in zip(countries, await asyncio.gather(*futures), strict=True):
        print(f"gather: {country}:", reply.content)


asyncio.run(capitals())

llm = ChatDatabricks(endpoint="databricks-meta-llama-3-70b-instruct", temperature=0.0)
tools = [
    {
        "type": "function",
        "function": {
            "name": "get_current_weather",
            "description": "Get the current weather in a given location",
            "parameters": {
                "type": "object",
                "properties": {
                    "location": {
                        "type": "string",
                        "description": "The city and state, e.g. San Francisco, CA",
                    },
                    "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
                },
            },
        },
    }
]

# tool_choice: "auto", "required", "none", a tool's name, or
# {"type": "function", "function": {"name": <<tool_name>>}}
model = llm.bind_tools(tools, tool_choice="auto")
question = [{"role": "user", "content": "What is the current temperature of Chicago?"}]
print("tools:", model.invoke(question).tool_calls)
