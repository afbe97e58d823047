"""The ``ai_gateway`` block of an endpoint as a JSON object inside a row."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lakeserve.core.ai_gateway import (
    AiGateway,
    Budget,
    GuardrailRules,
    PayloadTable,
    RateLimit,
    Routing,
)


def gateway_values(block: AiGateway | None) -> dict[str, Any] | None:
    """A block in plain values."""
    return None if block is None else asdict(block)


def gateway_of(stored: Mapping[str, Any] | None) -> AiGateway | None:
    """The block that :func:`gateway_values` was given."""
    if stored is None:
        return None
    table, routing = stored["payload_table"], stored["routing"]
    return AiGateway(
        rate_limits=tuple(RateLimit(**each) for each in stored["rate_limits"]),
        usage_tracking=stored["usage_tracking"],
        payload_table=None if table is None else PayloadTable(**table),
        input_rules=_rules(stored["input_rules"]),
        output_rules=_rules(stored["output_rules"]),
        fallback=stored["fallback"],
        routing=Routing(**{**routing, "fallback_statuses": tuple(routing["fallback_statuses"])}),
        budgets=tuple(Budget(**each) for each in stored["budgets"]),
        cache_ttl_s=stored["cache_ttl_s"],
    )


def _rules(stored: Mapping[str, Any] | None) -> GuardrailRules | None:
    if stored is None:
        return None
    lists = {name: tuple(stored[name]) for name in ("invalid_keywords", "valid_topics")}
    return GuardrailRules(stored["pii"], stored["safety"], **lists)
