"""Checks of a body against an endpoint's task."""

from dataclasses import replace
from typing import Any

import pytest
from gateway.stage import endpoint
from lakeserve.core.endpoints import Task
from lakeserve.core.errors import BadRequest
from lakeserve.gateway.task import Question, question
from lakeserve.providers.base import Operation


def ask(task: Task, body: dict[str, Any], asked: Operation | None = None) -> Question:
    return question(endpoint("e", task), asked, body, b"raw")


MESSAGES = [{"role": "user", "content": "x"}]


@pytest.mark.parametrize(
    ("task", "body", "operation"),
    [
        ("llm/v1/chat", {"messages": MESSAGES}, "chat"),
        ("llm/v1/completions", {"prompt": "x"}, "completions"),
        ("llm/v1/completions", {"prompt": ["x", "y"]}, "completions"),
        ("llm/v1/embeddings", {"input": "x"}, "embeddings"),
        ("llm/v1/embeddings", {"input": [[1, 2]]}, "embeddings"),
    ],
)
def test_the_task_decides(task: Task, body: dict[str, Any], operation: Operation) -> None:
    assert ask(task, body) == Question(operation, body, b"raw", stream=False)
    assert ask(task, body, operation).operation == operation


@pytest.mark.parametrize(
    ("task", "body", "text"),
    [
        ("llm/v1/chat", {}, "'messages'"),
        ("llm/v1/chat", {"input": 3}, "'input'"),
        ("llm/v1/chat", {"messages": []}, "an empty list"),
        ("llm/v1/chat", {"messages": "x"}, "a string"),
        ("llm/v1/chat", {"messages": ["x"]}, "'messages'"),
        ("llm/v1/chat", {"messages": None}, "null"),
        ("llm/v1/chat", {"messages": MESSAGES, "stream": 1}, "'stream'"),
        ("llm/v1/chat", {"prompt": ["x", "y"]}, "'prompt'"),
        ("llm/v1/completions", {"messages": MESSAGES}, "'prompt'"),
        ("llm/v1/completions", {"prompt": {}}, "an object"),
        ("llm/v1/embeddings", {"input": 3}, "a number"),
        ("llm/v1/embeddings", {"input": True}, "a boolean"),
        ("llm/v1/embeddings", {}, "'input'"),
    ],
)
def test_refused(task: Task, body: dict[str, Any], text: str) -> None:
    with pytest.raises(BadRequest, match=text):
        ask(task, body)


def test_another_operation_than_the_task() -> None:
    with pytest.raises(BadRequest, match="llm/v1/embeddings"):
        ask("llm/v1/embeddings", {"messages": MESSAGES}, "chat")


def test_a_chat_endpoint_completes_a_bare_prompt_when_the_path_says_so() -> None:
    asked = ask("llm/v1/chat", {"prompt": "x"}, "completions")
    assert (asked.operation, asked.body) == ("completions", {"prompt": "x"})
    with pytest.raises(BadRequest, match="'prompt'"):
        ask("llm/v1/chat", {"messages": MESSAGES}, "completions")


def test_gateway_fields_stay_here() -> None:
    given = {
        "messages": MESSAGES,
        "client_request_id": "1",
        "usage_context": {},
        "databricks_options": {},
        "custom_inputs": {},
        "whatever": 1,
    }
    asked = ask("llm/v1/chat", given)
    assert asked.body == {"messages": MESSAGES, "whatever": 1}
    assert asked.raw is None


@pytest.mark.parametrize("prompt", ["hello", ["hello"]])
def test_a_prompt_is_one_user_message(prompt: object) -> None:
    asked = ask("llm/v1/chat", {"prompt": prompt, "n": 1})
    assert asked.body == {"messages": [{"role": "user", "content": "hello"}], "n": 1}
    assert asked.raw is None


@pytest.mark.parametrize(("value", "stream"), [(True, True), (False, False), (None, False)])
def test_stream(value: bool | None, stream: bool) -> None:
    assert ask("llm/v1/chat", {"messages": MESSAGES, "stream": value}).stream is stream


@pytest.mark.parametrize(
    ("task", "body", "operation"),
    [
        (None, {"dataframe_split": {}}, "predict"),
        ("agent/v1/chat", {"messages": MESSAGES}, "chat"),
        ("agent/v2/chat", {"messages": MESSAGES, "custom_inputs": {"a": 1}}, "chat"),
        ("agent/v1/responses", {"input": "x"}, "predict"),
    ],
)
def test_custom_models(task: Task | None, body: dict[str, Any], operation: Operation) -> None:
    custom = replace(endpoint("e", "llm/v1/chat"), task=task, endpoint_type="CUSTOM_MODEL")
    asked = question(custom, None, {**body, "client_request_id": "1"}, b"raw")
    assert asked == Question(operation, body, None, stream=False)
    assert question(custom, None, body, b"raw").raw == b"raw"


def test_a_custom_model_takes_what_its_task_says() -> None:
    responder = replace(
        endpoint("e", "llm/v1/chat"), task="agent/v1/responses", endpoint_type="CUSTOM_MODEL"
    )
    with pytest.raises(BadRequest, match="'input'"):
        question(responder, None, {"messages": MESSAGES}, b"raw")
    with pytest.raises(BadRequest, match="has no task, which takes predict requests"):
        question(replace(responder, task=None), "chat", {"messages": MESSAGES}, b"raw")
