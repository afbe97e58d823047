"""Anthropic's legacy completions; the transcripts hold whole exchanges."""

from typing import Any

import orjson
import pytest
from lakeserve.core.errors import BadRequest, BadUpstream, WireError
from lakeserve.providers.anthropic_complete import (
    REFUSED,
    CompletionReader,
    complete_request,
    is_legacy,
    legacy_completion,
    text_as_messages_request,
)
from lakeserve.providers.base import Asked
from providers.transcripts import a_target

ASKED = Asked(a_target("anthropic"), "completions", {"prompt": "12345678"})


@pytest.mark.parametrize("name", REFUSED)
def test_refused_parameters(name: str) -> None:
    with pytest.raises(BadRequest, match=name):
        complete_request("m", {"prompt": "x", name: "other"})


def test_parameters_that_change_nothing() -> None:
    body = {"prompt": "x", "echo": False, "suffix": "", "best_of": 1, "seed": None, "n": 1}
    sent = complete_request("m", body)
    assert set(sent) == {"model", "prompt", "max_tokens_to_sample"}


@pytest.mark.parametrize(
    ("model", "legacy"),
    [
        ("claude-2.1", True),
        ("claude-instant-1.2", True),
        ("claude-1.3-100k", True),
        ("claude-3-haiku-20240307", False),
        ("claude-sonnet-4-5", False),
    ],
)
def test_models(model: str, legacy: bool) -> None:
    assert is_legacy(model) == legacy


def test_models_of_today_get_a_message() -> None:
    body = {"prompt": "x", "echo": False, "suffix": "", "best_of": 1, "n": 1, "stop": "y"}
    sent = text_as_messages_request("m", body)
    assert sent == {
        "model": "m",
        "max_tokens": 8192,
        "messages": [{"role": "user", "content": "x"}],
        "stop_sequences": ["y"],
    }
    with pytest.raises(BadRequest, match="suffix"):
        text_as_messages_request("m", {"prompt": "x", "suffix": "y"})


@pytest.mark.parametrize("prompt", [["a", "b"], [1], [[1]], 1, []])
def test_prompts(prompt: Any) -> None:
    with pytest.raises(BadRequest, match="prompt"):
        complete_request("m", {"prompt": prompt})


def test_usage_is_estimated() -> None:
    value = orjson.loads(legacy_completion(ASKED, b'{"completion": "1234567"}'))
    assert value["usage"] == {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4}
    assert value["model"] == "m"
    with pytest.raises(BadUpstream):
        legacy_completion(ASKED, b"no")


def test_errors_and_unknown_events() -> None:
    reader = CompletionReader(ASKED)
    assert reader.read({"type": "new"}) == b""
    with pytest.raises(WireError):
        reader.read({"type": "error", "error": {"type": "overloaded_error"}})
