import json
import threading
from collections.abc import Sequence

import pytest
from gateway.guardrails.stand_in import Censor, Sevens
from lakeserve.core.ai_gateway import GuardrailRules
from lakeserve.core.errors import BadRequest, ConfigurationError, NotBuilt
from lakeserve.core.guardrails import Abilities, Span
from lakeserve.gateway.guardrails.inspection import (
    INLINE_CHARACTERS,
    MOST_DIGITS,
    Inspector,
    open_inspector,
)

USAGE = {"prompt_tokens": 1, "total_tokens": 1}
INSPECTOR = Inspector(Sevens(), Censor())


async def found(rules: GuardrailRules, *texts: str) -> dict[str, object]:
    with pytest.raises(BadRequest) as caught:
        await INSPECTOR.inspect(rules, texts, "input", USAGE)
    told = json.loads(caught.value.message)
    assert told["usage"] == USAGE
    return dict(told["input_guardrail"][0])


def test_what_this_machine_has() -> None:
    assert open_inspector(None).abilities == Abilities(personal_data=True, classifier=False)
    assert INSPECTOR.abilities == Abilities(True, True)
    assert Inspector().abilities == Abilities()
    with pytest.raises(ConfigurationError, match="'x' is unknown"):
        open_inspector("x")


async def test_masks() -> None:
    rules = GuardrailRules(pii="MASK")
    masks = await INSPECTOR.inspect(rules, ["a 77 b", "c"], "input", USAGE)
    assert masks == {"a 77 b": "a <US_SSN> b"}


async def test_what_is_blocked() -> None:
    pii = await found(GuardrailRules(pii="BLOCK"), "a 77", "b")
    assert (pii["pii_detection"], pii["anonymized_input"]) == (True, ["a <US_SSN>"])
    word = await found(GuardrailRules(invalid_keywords=("straße",)), "no", "In der STRASSE")
    assert word["rule"] == "invalid_keywords"
    unsafe = await found(GuardrailRules(safety=True), "hate")
    assert isinstance(unsafe["categories"], dict)
    assert [name for name, flag in unsafe["categories"].items() if flag] == ["hate"]
    off = await found(GuardrailRules(valid_topics=("tea",)), "coffee")
    assert off["rule"] == "valid_topics"


async def test_what_passes() -> None:
    rules = GuardrailRules("BLOCK", True, ("coffee",), ("tea",))
    assert await INSPECTOR.inspect(rules, ["green tea"], "input", USAGE) == {}
    assert await INSPECTOR.inspect(GuardrailRules(), ["hate 77"], "input", USAGE) == {}


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        (GuardrailRules(pii="MASK"), r"lakeserve\[guardrails\]"),
        (GuardrailRules(safety=True), "guardrail_classifier"),
        (GuardrailRules(valid_topics=("a",)), "guardrail_classifier"),
    ],
)
async def test_what_cannot_be_kept_here(rules: GuardrailRules, text: str) -> None:
    with pytest.raises(NotBuilt, match=text):
        await Inspector().inspect(rules, ["a"], "input", USAGE)


class Witness(Sevens):
    """Remembers in which thread it looked."""

    def __init__(self, is_loaded: bool) -> None:
        self.is_loaded = is_loaded
        self.thread = 0

    def find(self, text: str) -> Sequence[Span]:
        self.thread = threading.get_ident()
        return ()


@pytest.mark.parametrize(
    ("is_loaded", "length", "is_here"),
    [(True, INLINE_CHARACTERS, True), (True, INLINE_CHARACTERS + 1, False), (False, 1, False)],
)
async def test_what_takes_long_leaves_the_loop_alone(
    is_loaded: bool, length: int, is_here: bool
) -> None:
    witness = Witness(is_loaded)
    rules = GuardrailRules(pii="MASK")
    await Inspector(witness).inspect(rules, ["a" * length], "input", USAGE)
    assert (witness.thread == threading.get_ident()) == is_here


async def test_more_digits_than_can_be_looked_through() -> None:
    with pytest.raises(BadRequest, match=f"more than {MOST_DIGITS} digits"):
        await INSPECTOR.inspect(
            GuardrailRules(pii="MASK"), ["1" * MOST_DIGITS, "1"], "input", USAGE
        )
