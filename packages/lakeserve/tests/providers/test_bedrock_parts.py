"""Content for Bedrock."""

from typing import Any

import pytest
from lakeserve.core.errors import BadRequest
from lakeserve.providers import chat_request as chat
from lakeserve.providers.bedrock_parts import blocks, result_block, tool_id


def of(role: str, *parts: Any, **fields: Any) -> chat.Message:
    content = parts[0] if len(parts) == 1 and isinstance(parts[0], str) else list(parts)
    return chat.Message("messages[0]", role, {"role": role, "content": content, **fields})


def image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def test_texts_that_are_empty_are_none() -> None:
    assert blocks(of("user", "")) == []
    assert blocks(of("assistant", {"type": "refusal", "refusal": "no"})) == [{"text": "no"}]


def test_images() -> None:
    s3 = {"format": "jpeg", "source": {"s3Location": {"uri": "s3://b/a.JPG"}}}
    assert blocks(of("user", image("s3://b/a.JPG"))) == [{"image": s3}]
    with pytest.raises(BadRequest, match="reads no addresses"):
        blocks(of("user", image("https://h/x.png")))
    with pytest.raises(BadRequest, match=r"'image/tiff'.*accepted: image/png"):
        blocks(of("user", image("data:image/tiff;base64,AA==")))


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ({}, "file_data' must be a string"),
        ({"file_data": "data:application/zip;base64,AA=="}, "'application/zip'"),
        ({"file_data": "AA=="}, "reads no addresses"),
    ],
)
def test_files_that_are_none(file: dict[str, Any], message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        blocks(of("user", {"type": "file", "file": file}))


def test_files_get_a_name_that_is_accepted() -> None:
    file = {"file_data": "data:text/plain;base64,AA==", "filename": "…"}
    (block,) = blocks(of("user", {"type": "file", "file": file}))
    assert block["document"]["name"] == "document"


@pytest.mark.parametrize(
    ("role", "part"),
    [
        ("user", {"type": "input_audio"}),
        ("assistant", image("s3://a/b.png")),
        ("user", {"type": "reasoning"}),
    ],
)
def test_what_has_no_counterpart(role: str, part: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match=f"'{part['type']}' in {role} messages"):
        blocks(of(role, part))


def test_results() -> None:
    whole = result_block(of("tool", "", tool_call_id="a/b"))
    assert whole == {"toolResult": {"toolUseId": "a_b", "content": [{"text": " "}]}}
    marked = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}
    result = result_block(of("tool", marked, tool_call_id="a"))["toolResult"]
    assert result["content"] == [{"text": "x"}]
    assert tool_id("x" * 70) == "x" * 64
