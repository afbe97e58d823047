"""Documented parts of an endpoint that would be stored without effect: refused by their name."""

from collections.abc import Mapping
from typing import Any

from lakeserve.core.errors import InvalidParameter, NotBuilt

# Part of the AI Gateway block, what it is called.
PARTS = {
    "rate_limits": "Rate limits of serving endpoints",
    "usage_tracking_config": "Usage tracking of serving endpoints",
    "inference_table_config": "Inference tables",
    "guardrails": "Guardrails",
    "fallback_config": "Fallbacks",
}


def refuse(feature: str) -> NotBuilt:
    """The error that names a feature."""
    return NotBuilt(f"{feature} is not implemented in this version of lakeserve.")


def check_ai_gateway(given: Mapping[str, Any] | None) -> None:
    """Accept a block that turns nothing on.

    Raises:
        InvalidParameter: It has a field that is not documented.
        NotBuilt: It turns on what is not enforced yet.
    """
    for name, value in (given or {}).items():
        if name not in PARTS:
            raise InvalidParameter(
                f"Unknown field 'ai_gateway.{name}'; accepted: {', '.join(PARTS)}."
            )
        is_off = not value or (isinstance(value, Mapping) and value.get("enabled") is False)
        if not is_off:
            raise NotBuilt(
                f"{PARTS[name]} ('ai_gateway.{name}') cannot be enforced by this version of"
                " lakeserve, so they are not stored either."
            )


def check_rate_limits(given: list[Any] | None) -> None:
    """Accept a list without limits.

    Raises:
        NotBuilt: There are limits, and they would not be enforced.
    """
    if given:
        raise NotBuilt(
            "Rate limits of serving endpoints ('rate_limits') cannot be enforced by this version of"
            " lakeserve, so they are not stored either."
        )
