from typing import Any

import pytest
from lakeserve.control.endpoints.gateway_requests import AiGatewayInput, RateLimitsInput
from pydantic import ValidationError

LIMIT: dict[str, Any] = {"calls": 1, "renewal_period": "minute"}

# What is refused, and the field that the error names.
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"nonsense": 1}, "nonsense"),
    ({"rate_limits": [{**LIMIT, "renewal_period": "hour"}]}, "rate_limits.0.renewal_period"),
    ({"rate_limits": [{"calls": 1}]}, "rate_limits.0.renewal_period"),
    ({"rate_limits": [{**LIMIT, "calls": -1}]}, "rate_limits.0.calls"),
    ({"rate_limits": [{**LIMIT, "calls": "1"}]}, "rate_limits.0.calls"),
    ({"rate_limits": [{**LIMIT, "calls": True}]}, "rate_limits.0.calls"),
    ({"rate_limits": [{**LIMIT, "calls": 2**60}]}, "rate_limits.0.calls"),
    ({"rate_limits": [{**LIMIT, "key": "users"}]}, "rate_limits.0.key"),
    ({"rate_limits": [{**LIMIT, "key": "user", "principal": ""}]}, "rate_limits.0.principal"),
    ({"usage_tracking_config": {"enabled": "yes"}}, "usage_tracking_config.enabled"),
    ({"fallback_config": {}}, "fallback_config.enabled"),
    ({"inference_table_config": {"catalog_name": "../x"}}, "inference_table_config.catalog_name"),
    ({"inference_table_config": {"schema_name": ""}}, "inference_table_config.schema_name"),
    ({"guardrails": {"input": {"pii": {"behavior": "x"}}}}, "guardrails.input.pii.behavior"),
    ({"guardrails": {"input": {"pii": "BLOCK"}}}, "guardrails.input.pii"),
    (
        {"guardrails": {"output": {"invalid_keywords": [""]}}},
        "guardrails.output.invalid_keywords.0",
    ),
    ({"guardrails": {"both": {}}}, "guardrails.both"),
    (
        {"lakeserve": {"routing": {"fallback_statuses": [200]}}},
        "lakeserve.routing.fallback_statuses.0",
    ),
    ({"lakeserve": {"routing": {"timeout_s": 0}}}, "lakeserve.routing.timeout_s"),
    ({"lakeserve": {"routing": {"timeout_s": float("nan")}}}, "lakeserve.routing.timeout_s"),
    ({"lakeserve": {"routing": {"retries": 11}}}, "lakeserve.routing.retries"),
    ({"lakeserve": {"budgets": [{"amount": 1}]}}, "lakeserve.budgets.0.period"),
    ({"lakeserve": {"cache": {"ttl_s": 0}}}, "lakeserve.cache.ttl_s"),
]


@pytest.mark.parametrize(("given", "field"), REFUSED)
def test_what_is_refused(given: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        AiGatewayInput.model_validate(given)
    assert ".".join(map(str, caught.value.errors()[0]["loc"])) == field


def test_limits_of_the_older_kind() -> None:
    RateLimitsInput.model_validate({"name": "x", "rate_limits": [LIMIT, {**LIMIT, "key": "user"}]})
    for wrong in ({**LIMIT, "key": "user_group"}, {"tokens": 1, "renewal_period": "minute"}):
        with pytest.raises(ValidationError):
            RateLimitsInput.model_validate({"rate_limits": [wrong]})
