"""Content for Gemini."""

from typing import Any

import pytest
from lakeserve.core.errors import BadRequest
from lakeserve.providers.chat_request import Message
from lakeserve.providers.gemini_parts import answer_parts, parts, result_part


def message(role: str, **value: Any) -> Message:
    return Message("messages[0]", role, value)


@pytest.mark.parametrize(
    ("role", "part"),
    [
        ("system", {"type": "image_url", "image_url": "https://x/a.png"}),
        ("user", {"type": "refusal", "refusal": "no"}),
        ("user", {"type": "image_url", "image_url": "https://x/no-ending"}),
        ("user", {"type": "image_url", "image_url": "file:///a.png"}),
        ("user", {"type": "file", "file": {"file_id": "f"}}),
        ("user", {"type": "file"}),
    ],
)
def test_refused_parts(role: str, part: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match=r"messages\[0\].content\[0\]"):
        parts(message(role, content=[part]))


def test_answers_hold_no_images_and_no_empty_texts() -> None:
    with pytest.raises(BadRequest, match="'image_url' in assistant messages"):
        answer_parts(message("assistant", content=[{"type": "image_url"}]))
    assert answer_parts(message("assistant", content="")) == []


@pytest.mark.parametrize(
    ("content", "response"),
    [
        ("sunny", {"result": "sunny"}),
        ("[1]", {"result": "[1]"}),
        ('{"a": 1}', {"a": 1}),
        (None, {"result": ""}),
        (["a", "b"], {"result": "ab"}),
    ],
)
def test_results(content: object, response: dict[str, Any]) -> None:
    result = result_part(message("tool", tool_call_id="1", content=content), {"1": "f"})
    assert result == {"functionResponse": {"name": "f", "response": response}}


def test_results_of_nothing() -> None:
    named = message("tool", tool_call_id="1", name="g", content="x")
    assert result_part(named, {})["functionResponse"]["name"] == "g"
    with pytest.raises(BadRequest, match="names no earlier call"):
        result_part(message("tool", tool_call_id="1", content="x"), {})
    with pytest.raises(BadRequest, match="in tool messages"):
        result_part(message("tool", tool_call_id="1", content=[{"type": "file"}]), {"1": "f"})
