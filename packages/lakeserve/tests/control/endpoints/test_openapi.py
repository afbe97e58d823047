import json

import pytest
from lakeserve.control.endpoints.openapi import openapi_document
from lakeserve.core.endpoints import Endpoint, Task


@pytest.mark.parametrize(
    ("task", "field"),
    [
        ("llm/v1/chat", "messages"),
        ("llm/v1/completions", "prompt"),
        ("llm/v1/embeddings", "input"),
        ("agent/v2/chat", "messages"),
        ("agent/v1/responses", "input"),
    ],
)
def test_the_document(task: Task, field: str) -> None:
    endpoint = Endpoint("i", "mine", task, "EXTERNAL_MODEL", "c", 1, 1, (), 3)
    document = json.loads(openapi_document(endpoint))
    assert document["info"] == {"title": "mine", "version": "3"}
    body = document["paths"]["/serving-endpoints/mine/invocations"]["post"]["requestBody"]
    assert body["content"]["application/json"]["schema"]["required"] == [field]


def test_a_custom_model_without_a_task() -> None:
    endpoint = Endpoint("i", "mine", None, "CUSTOM_MODEL", "c", 1, 1, (), 3)
    path = json.loads(openapi_document(endpoint))["paths"]["/serving-endpoints/mine/invocations"]
    schema = path["post"]["requestBody"]["content"]["application/json"]["schema"]
    fields = ["dataframe_split", "dataframe_records", "instances", "inputs"]
    assert schema["oneOf"] == [{"required": [name]} for name in fields]
