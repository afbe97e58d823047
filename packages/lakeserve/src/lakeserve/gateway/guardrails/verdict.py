"""How a call that the rules forbid is answered: the documented 400. Pure."""

import json
from collections.abc import Iterable
from typing import Any, Literal

from lakeserve.core.errors import BadRequest
from lakeserve.core.guardrails import CATEGORIES

Direction = Literal["input", "output"]


def blocked(
    direction: Direction,
    usage: dict[str, int],
    *,
    categories: Iterable[str] = (),
    anonymized: Iterable[str] | None = None,
    rule: str | None = None,
) -> BadRequest:
    """The error for a call that a rule forbids.

    Args:
        direction: Whether the request or the answer broke it.
        usage: What the call has cost so far, as answers tell it.
        categories: Those that apply.
        anonymized: The texts with personal data masked, where personal data is the reason.
        rule: Which rule it was, where the documented fields cannot say so.
    """
    flagged = set(categories)
    found: dict[str, Any] = {
        "flagged": True,
        "categories": {name: name in flagged for name in CATEGORIES},
        "category_scores": None,
        "pii_detection": None if anonymized is None else True,
        "anonymized_input": None if anonymized is None else list(anonymized),
    }
    if rule is not None:
        found["rule"] = rule
    told = {
        "usage": usage,
        f"{direction}_guardrail": [found],
        "finishReason": f"{direction}_guardrail_triggered",
    }
    refused = BadRequest(json.dumps(told))
    refused.refused_by = f"{direction}_guardrail"
    return refused
