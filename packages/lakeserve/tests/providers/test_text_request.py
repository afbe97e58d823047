"""What a caller may ask of a completion."""

import pytest
from lakeserve.core.errors import BadRequest
from lakeserve.providers.text_request import NEUTRAL, refuse, single_prompt


def test_refused_parameters_are_named() -> None:
    for name in NEUTRAL:
        with pytest.raises(BadRequest, match=f"'{name}'.*'x'"):
            refuse({name: "other"}, (name,), "x")
    refuse(NEUTRAL, tuple(NEUTRAL), "x")
    refuse({"seed": None}, ("seed",), "x")


def test_prompts() -> None:
    assert single_prompt({"prompt": "a"}) == single_prompt({"prompt": ["a"]}) == "a"
    for wrong in (["a", "b"], [1], [[1]], 1, []):
        with pytest.raises(BadRequest, match="'prompt'"):
            single_prompt({"prompt": wrong})
