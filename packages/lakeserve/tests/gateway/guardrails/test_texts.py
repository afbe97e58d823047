from typing import Any

import pytest
from lakeserve.core.errors import BadRequest
from lakeserve.gateway.guardrails.texts import (
    answer_texts,
    changed_answer,
    changed_arguments,
    changed_message,
    changed_question,
    question_texts,
    read_texts,
)

CHAT: dict[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "a"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "b"},
                {"type": "image_url", "image_url": {"url": "x"}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "c",
            "tool_calls": [
                {"id": "1", "function": {"name": "f", "arguments": '{"d":["e",4155552671,true]}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "1", "content": "f"},
        {"role": "assistant", "function_call": {"name": "f", "arguments": "no json"}},
    ],
    "tools": [{"type": "function", "function": {"name": "x", "description": "x"}}],
    "user": "g",
    "temperature": 1,
    "stream": True,
}
ANSWER: dict[str, Any] = {
    "id": "x",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": [
                    {"type": "reasoning", "summary": [{"type": "summary_text", "text": "a"}]},
                    {"type": "text", "text": "b"},
                ],
            },
            "logprobs": {"content": []},
        },
        {"index": 1, "text": "c", "logprobs": {"tokens": ["c"]}},
    ],
}


def upper(text: str) -> str:
    return text.upper()


def test_the_texts_of_a_chat() -> None:
    texts = ["a", "b", "c", "e", "4155552671", "f", "no json", "g", "1"]
    assert question_texts("chat", CHAT) == texts


def test_a_chat_is_changed_everywhere() -> None:
    changed = changed_question("chat", CHAT, upper)
    assert changed["messages"][1]["content"] == [
        {"type": "text", "text": "B"},
        {"type": "image_url", "image_url": {"url": "x"}},
    ]
    call = changed["messages"][2]["tool_calls"][0]
    assert call == {
        "id": "1",
        "function": {"name": "f", "arguments": '{"d":["E",4155552671,true]}'},
    }
    assert changed["messages"][4]["function_call"]["arguments"] == "NO JSON"
    assert (changed["user"], changed["tools"], changed["stream"]) == ("G", CHAT["tools"], True)
    assert question_texts("chat", CHAT)[0] == "a"


def test_what_stays_is_the_same() -> None:
    assert changed_question("chat", CHAT, str) == CHAT
    assert changed_answer(ANSWER, str) == ANSWER


def test_a_number_can_be_masked() -> None:
    assert changed_arguments('{"tel": 4155552671}', lambda text: f"<{text}>") == (
        '{"tel":"<4155552671>"}'
    )


@pytest.mark.parametrize(
    ("operation", "body", "texts"),
    [
        ("completions", {"prompt": "a", "suffix": "b"}, ["a", "b"]),
        ("completions", {"prompt": ["a", "b"]}, ["a", "b"]),
        ("embeddings", {"input": ["a"], "instruction": "b"}, ["a", "b"]),
    ],
)
def test_the_texts_of_other_calls(operation: Any, body: Any, texts: list[str]) -> None:
    assert question_texts(operation, body) == texts
    assert changed_question(operation, body, str) == body


@pytest.mark.parametrize("tokens", [[1, 2], [[1], [2]], ["a", 1]])
def test_token_ids_cannot_be_read(tokens: Any) -> None:
    with pytest.raises(BadRequest, match="'prompt' holds token ids"):
        question_texts("completions", {"prompt": tokens})
    with pytest.raises(BadRequest, match="'input' holds token ids"):
        question_texts("embeddings", {"input": tokens})


def test_an_answer() -> None:
    assert answer_texts(ANSWER) == ["a", "b", "c"]
    first, second = changed_answer(ANSWER, upper)["choices"]
    assert first["message"]["content"][0]["summary"][0]["text"] == "A"
    assert (second["text"], second["logprobs"], first["logprobs"]) == ("C", None, None)


@pytest.mark.parametrize("odd", [{}, {"choices": 1}, {"choices": [1, {"message": 2}]}])
def test_odd_answers_pass(odd: Any) -> None:
    assert changed_answer(odd, upper) == odd
    assert answer_texts(odd) == []


def test_odd_messages_pass() -> None:
    odd = {"content": 1, "tool_calls": [1, {"function": 2}, {"function": {"arguments": 3}}]}
    assert changed_message(odd, upper) == odd
    assert changed_message("x", upper) == "x"
    body = {"messages": "x"}
    assert changed_question("chat", body, upper) == body


def test_reading_a_visit() -> None:
    assert read_texts(lambda change: change("a") + change("b")) == ["a", "b"]
