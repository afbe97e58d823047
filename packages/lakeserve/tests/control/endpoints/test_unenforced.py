from typing import Any

import pytest
from lakeserve.control.endpoints.unenforced import (
    PARTS,
    check_ai_gateway,
    check_rate_limits,
    refuse,
)
from lakeserve.core.errors import InvalidParameter, NotBuilt


@pytest.mark.parametrize(
    "given",
    [None, {}, {"rate_limits": []}, {"guardrails": {}}, {"fallback_config": {"enabled": False}}],
)
def test_what_turns_nothing_on(given: Any) -> None:
    check_ai_gateway(given)
    check_rate_limits(None)
    check_rate_limits([])


@pytest.mark.parametrize("part", PARTS)
def test_what_would_not_be_enforced(part: str) -> None:
    with pytest.raises(NotBuilt, match=f"{PARTS[part]}.*ai_gateway.{part}"):
        check_ai_gateway({part: {"enabled": True}})
    with pytest.raises(NotBuilt, match="rate_limits"):
        check_rate_limits([{"calls": 1}])


def test_unknown_parts() -> None:
    with pytest.raises(InvalidParameter, match=r"Unknown field 'ai_gateway.x'"):
        check_ai_gateway({"x": {}})


def test_the_name_is_in_the_text() -> None:
    assert refuse("Telemetry").message.startswith("Telemetry is not implemented")
