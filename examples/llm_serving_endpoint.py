"""The page "Databricks" (LLM), first half: a serving endpoint."""

from typing import Any

from langchain_lakeserve import Databricks

ENDPOINT = "databricks-dbrx-instruct"

llm = Databricks(endpoint_name=ENDPOINT)
print("call:", llm("How are you?"))
print("stop:", llm("How are you?", stop=["."]))

llm = Databricks(endpoint_name=ENDPOINT, model_kwargs={"temperature": 0.1})
print("model_kwargs:", llm("How are you?"))


# Use `transform_input_fn` and `transform_output_fn` if the serving endpoint expects a different
# input schema or does not return a string, or to apply a prompt template on top.
def transform_input(**request: Any) -> dict[str, Any]:
    full_prompt = f"""{request["prompt"]}
    Be Concise.
    """
    request["prompt"] = full_prompt
    return request


llm = Databricks(endpoint_name=ENDPOINT, transform_input_fn=transform_input)
print("transform_input_fn:", llm("How are you?"))
