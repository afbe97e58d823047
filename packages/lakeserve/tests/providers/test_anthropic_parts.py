"""Content for Anthropic."""

from typing import Any

import pytest
from lakeserve.core.errors import BadRequest
from lakeserve.providers.anthropic_parts import blocks, plain_or_blocks, system_blocks, tool_id
from lakeserve.providers.chat_request import Message


def message(role: str, *content: object, **more: Any) -> Message:
    return Message("messages[0]", role, {"content": list(content), **more})


def test_ids() -> None:
    assert tool_id("call_1-Ab") == "call_1-Ab"
    assert tool_id("a.b:c/é") == "a_b_c__"


@pytest.mark.parametrize(
    ("role", "part"),
    [
        ("user", {"type": "input_audio", "input_audio": {}}),
        ("user", {"type": "reasoning", "summary": []}),
        ("user", {"type": "refusal", "refusal": "no"}),
        ("user", {"type": "thinking", "thinking": "x"}),
        ("user", {"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}),
        ("user", {"type": "image_url", "image_url": {"url": "data:image/png,AA"}}),
        ("user", {"type": "file", "file": {"file_id": "f-1"}}),
        ("user", {"type": "file"}),
        ("user", {"type": "file", "file": {"file_data": "AAAA"}}),
        ("user", {"type": "file", "file": {"file_data": "data:text/plain;base64,!"}}),
        ("user", {"type": "file", "file": {"file_data": "data:text/plain;base64,/w=="}}),
        ("assistant", {"type": "image_url", "image_url": {"url": "https://x"}}),
        ("assistant", {"type": "file", "file": {"file_data": "https://x"}}),
        ("tool", {"type": "thinking", "thinking": "x"}),
    ],
)
def test_refused_parts(role: str, part: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match=r"messages\[0\].content\[0\]"):
        blocks(message(role, part))


def test_the_vendors_own_parts_pass() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://x"}}
    assert blocks(message("user", image)) == [image]
    assert blocks(message("tool", image)) == [image]
    thought = {"type": "thinking", "thinking": "x", "signature": "s"}
    assert blocks(message("assistant", thought)) == [thought]


def test_refusals() -> None:
    refusal = {"type": "refusal", "refusal": "no"}
    assert blocks(message("assistant", refusal)) == [{"type": "text", "text": "no"}]
    assert plain_or_blocks(Message("m", "assistant", {"content": None, "refusal": "no"})) == "no"
    assert plain_or_blocks(Message("m", "user", {"content": "x"})) == "x"


def test_the_system_is_text() -> None:
    assert system_blocks(message("system", "a")) == [{"type": "text", "text": "a"}]
    with pytest.raises(BadRequest, match="'image_url' in system messages"):
        system_blocks(message("system", {"type": "image_url", "image_url": "https://x"}))
