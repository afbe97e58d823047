import base64
from typing import Any

import orjson
import pytest
from lakeserve.workers.serve.control_tokens import clean_all, cleaner
from lakeserve.workers.serve.errors import ApiError
from lakeserve.workers.serve.images import read_image
from lakeserve.workers.serve.messages import read_messages

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\nrest").decode()
URL = f"data:image/png;base64,{PNG}"


def part(url: object) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, "detail": "low"}}


def user(*parts: object) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


@pytest.mark.parametrize("given", [part(URL), {"type": "image_url", "image_url": URL}])
def test_an_image_that_comes_along(given: dict[str, Any]) -> None:
    read = read_image(given, "p")
    assert read == {"type": "image_url", "image_url": {"url": URL}}
    assert orjson.loads(orjson.dumps(read)) == read


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://example.com/cat.png", "would have to be fetched"),
        ("http://169.254.169.254/latest/meta-data", "would have to be fetched"),
        ("file:///etc/passwd", "would have to be fetched"),
        ("cat.png", "would have to be fetched"),
        ("data:image/png;base64", "would have to be fetched"),
        ("data:image/png,abc", "is not base64"),
        ("data:image/png;base64,%%%", "is not valid base64"),
        ("data:image/png;base64,AAAA", "holds no image"),
        ("data:video/mp4;base64,AAAA", "holds no image"),
        (7, "must be a string, not an integer"),
        (None, "must be a string, not null"),
    ],
)
def test_other_addresses_are_refused(url: object, reason: str) -> None:
    with pytest.raises(ApiError, match=reason) as refused:
        read_image(part(url), "messages[0].content[1]")
    assert refused.value.status == 400
    assert refused.value.param == "messages[0].content[1].image_url.url"


def test_a_model_that_sees_gets_parts() -> None:
    text = {"type": "text", "text": "What is this?"}
    (message,) = read_messages(user(text, part(URL)), images=True)
    assert message["content"] == [text, {"type": "image_url", "image_url": {"url": URL}}]
    (plain,) = read_messages(user(text, "!"), images=True)
    assert plain["content"] == "What is this?!"


def test_a_model_that_reads_text_only_says_so() -> None:
    with pytest.raises(ApiError, match="text only"):
        read_messages(user(part(URL)))


def test_only_users_show_images() -> None:
    with pytest.raises(ApiError, match="image_url"):
        read_messages([{"role": "system", "content": [part(URL)]}], images=True)


def test_images_are_not_cleaned() -> None:
    clean = cleaner(["<__media__>", "A"])
    text = {"type": "text", "text": "<__media__> ABC"}
    (message,) = clean_all(read_messages(user(text, part(URL)), images=True), clean)
    assert message["content"][1]["image_url"]["url"] == URL
    assert "<__media__>" not in message["content"][0]["text"]
