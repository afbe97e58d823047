"""Completions of AI21."""

from typing import Any

import orjson
import pytest
from lakeserve.core.errors import BadRequest, BadUpstream
from lakeserve.providers.ai21 import REFUSED, Ai21Provider, complete_request
from lakeserve.providers.base import Asked
from providers.transcripts import a_target

AI21 = Ai21Provider()
TARGET = a_target("ai21labs", "j2/x")


def test_completions_only() -> None:
    with pytest.raises(BadRequest, match="'ai21labs' has no chat"):
        AI21.build(TARGET, "chat", {"messages": []}, None)
    with pytest.raises(BadRequest, match="'stream' is not supported"):
        AI21.build(TARGET, "completions", {"prompt": "x", "stream": True}, None)
    assert AI21.build(TARGET, "completions", {"prompt": "x"}, None).path == "/j2%2Fx/complete"


@pytest.mark.parametrize("name", REFUSED)
def test_what_it_cannot_do_is_named(name: str) -> None:
    with pytest.raises(BadRequest, match=f"'{name}' is not supported"):
        complete_request({"prompt": "x", name: 3})
    assert complete_request({"prompt": "x", name: None}) == {"prompt": "x"}


@pytest.mark.parametrize("reply", [{}, {"completions": 3}, {"completions": [{"data": "x"}]}])
def test_odd_replies_are_answers_still(reply: dict[str, Any]) -> None:
    asked = Asked(TARGET, "completions", {"prompt": "abcdefg"})
    value = orjson.loads(AI21.reply(asked, orjson.dumps(reply)))
    assert value["usage"] == {"prompt_tokens": 2, "completion_tokens": 0, "total_tokens": 2}


def test_what_is_no_reply() -> None:
    with pytest.raises(BadUpstream):
        AI21.reply(Asked(TARGET, "completions", {"prompt": "x"}), b"[]")
