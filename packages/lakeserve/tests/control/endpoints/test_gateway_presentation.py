from typing import Any

import pytest
from lakeserve.control.endpoints.ai_gateway import Surroundings, check_gateway
from lakeserve.control.endpoints.gateway_presentation import gateway_block, rate_limits
from lakeserve.control.endpoints.gateway_requests import AiGatewayInput
from lakeserve.core.ai_gateway import AiGateway, RateLimit

LIMIT = {"calls": 3, "key": "user", "principal": "a@example.com", "renewal_period": "minute"}
TABLE = {
    "enabled": False,
    "catalog_name": "c",
    "schema_name": "s",
    "table_name_prefix": "p",
}
RULES = {
    "pii": {"behavior": "MASK"},
    "safety": True,
    "invalid_keywords": ["a"],
    "valid_topics": ["b"],
}
ROUTING = {
    "fallback_statuses": [429],
    "timeout_s": 1.5,
    "first_token_timeout_s": 1,
    "retries": 1,
    "shadow_entity": "e",
}
BUDGET = {"amount": 2.5, "period": "month", "key": "user", "principal": "a@example.com"}


@pytest.mark.parametrize(
    "shown",
    [
        {},
        {"rate_limits": [LIMIT, {"tokens": 0, "key": "endpoint", "renewal_period": "minute"}]},
        {"usage_tracking_config": {"enabled": True}},
        {"inference_table_config": TABLE},
        {"guardrails": {"input": RULES, "output": {"pii": {"behavior": "NONE"}}}},
        {"fallback_config": {"enabled": True}},
        {"lakeserve": {"routing": ROUTING, "budgets": [BUDGET], "cache": {"ttl_s": 5}}},
    ],
)
def test_what_is_shown_means_the_same(shown: dict[str, Any]) -> None:
    around = Surroundings("n", ["e"])
    block = check_gateway(AiGatewayInput.model_validate(shown), around) or AiGateway()
    assert gateway_block(block) == shown


def test_a_limit() -> None:
    assert rate_limits([RateLimit(calls=0)]) == [
        {"calls": 0, "key": "endpoint", "renewal_period": "minute"}
    ]
