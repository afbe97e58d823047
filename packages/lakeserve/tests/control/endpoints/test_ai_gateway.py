from typing import Any

import pytest
from lakeserve.control.endpoints.ai_gateway import (
    Surroundings,
    check_change,
    check_gateway,
    check_limits,
    check_shadow,
)
from lakeserve.control.endpoints.gateway_requests import AiGatewayInput, RateLimitsInput
from lakeserve.core.ai_gateway import (
    AiGateway,
    Budget,
    GuardrailRules,
    PayloadTable,
    RateLimit,
    Routing,
)
from lakeserve.core.errors import InvalidParameter

AROUND = Surroundings("mine", ["first", "second"])
TABLE = {"enabled": True, "catalog_name": "c", "schema_name": "s"}


def check(given: dict[str, Any]) -> AiGateway | None:
    return check_gateway(AiGatewayInput.model_validate(given), AROUND)


def limit(**fields: Any) -> dict[str, Any]:
    return {"renewal_period": "minute", **fields}


@pytest.mark.parametrize("given", [{}, {"name": "mine"}, {"guardrails": None}])
def test_a_block_that_says_nothing(given: dict[str, Any]) -> None:
    assert check(given) is None
    assert check_gateway(None, AROUND) is None


def test_a_whole_block() -> None:
    rules = {"pii": {"behavior": "BLOCK"}, "safety": True, "invalid_keywords": ["a"]}
    routing = {"fallback_statuses": [500], "timeout_s": 3, "retries": 2, "shadow_entity": "second"}
    budgets = [{"amount": 1.5, "period": "day", "key": "user", "principal": "a@example.com"}]
    assert check(
        {
            "rate_limits": [limit(calls=3), limit(tokens=9, key="user_group", principal="g")],
            "usage_tracking_config": {"enabled": True},
            "inference_table_config": TABLE,
            "guardrails": {"input": rules, "output": {"valid_topics": ["t"]}},
            "fallback_config": {"enabled": True},
            "lakeserve": {"routing": routing, "budgets": budgets, "cache": {"ttl_s": 60}},
        }
    ) == AiGateway(
        rate_limits=(RateLimit("endpoint", 3), RateLimit("user_group", None, 9, "g")),
        usage_tracking=True,
        payload_table=PayloadTable(True, "c", "s", "mine"),
        input_rules=GuardrailRules("BLOCK", True, ("a",)),
        output_rules=GuardrailRules(valid_topics=("t",)),
        fallback=True,
        routing=Routing((500,), 3, None, 2, "second"),
        budgets=(Budget(1.5, "day", "user", "a@example.com"),),
        cache_ttl_s=60,
    )


def test_a_table_that_is_off_keeps_its_names() -> None:
    block = check({"inference_table_config": {"enabled": False, "catalog_name": "c"}})
    assert block is not None
    assert block.payload_table == PayloadTable(False, "c", "", "mine")


def many(count: int, **fields: Any) -> list[dict[str, Any]]:
    return [limit(calls=1, principal=str(index), **fields) for index in range(count)]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"rate_limits": [limit()]}, r"'rate_limits.0' must have exactly one of calls and tokens"),
        ({"rate_limits": [limit(calls=1, tokens=1)]}, r"exactly one of calls and tokens"),
        ({"rate_limits": [limit(calls=1, principal="a")]}, r"'rate_limits.0.principal' does not"),
        ({"rate_limits": [limit(calls=1, key="user_group")]}, r"'rate_limits.0.principal' is"),
        ({"rate_limits": many(21, key="user")}, "has 21 entries; accepted: at most 20"),
        ({"rate_limits": many(6, key="user_group")}, "has 6 entries of the key 'user_group'"),
        ({"rate_limits": [limit(calls=1), limit(calls=2)]}, r"'rate_limits.1' is about the same"),
        ({"inference_table_config": {"enabled": True}}, "'inference_table_config.catalog_name' is"),
        (
            {"lakeserve": {"routing": {"shadow_entity": "x"}}},
            "'lakeserve.routing.shadow_entity' has the value 'x'; accepted: first, second",
        ),
        (
            {"lakeserve": {"budgets": [{"amount": 1, "period": "day", "principal": "a"}]}},
            "'lakeserve.budgets.0.principal' does not belong",
        ),
        (
            {"lakeserve": {"budgets": [{"amount": 1, "period": "day"}] * 2}},
            "'lakeserve.budgets.1' is about the same",
        ),
    ],
)
def test_what_contradicts_itself(given: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidParameter, match=text):
        check(given)


def test_as_many_limits_as_there_may_be() -> None:
    block = check({"rate_limits": [*many(15, key="user"), *many(5, key="user_group")]})
    assert block is not None
    assert len(block.rate_limits) == 20


def test_calls_and_tokens_of_one_principal() -> None:
    block = check({"rate_limits": [limit(calls=1), limit(tokens=1)]})
    assert block == AiGateway(rate_limits=(RateLimit(calls=1), RateLimit(tokens=1)))


def test_the_place_is_part_of_the_name() -> None:
    given = AiGatewayInput.model_validate({"rate_limits": [limit()]})
    with pytest.raises(InvalidParameter, match=r"'ai_gateway.rate_limits.0'"):
        check_gateway(given, Surroundings("mine", [], "ai_gateway."))


def test_limits_of_the_older_kind() -> None:
    given = RateLimitsInput.model_validate({"rate_limits": [limit(calls=4, key="user")]})
    assert check_limits(given.rate_limits, "rate_limits") == (RateLimit("user", 4),)


def test_a_table_is_moved_only_when_it_is_off() -> None:
    on, off, other = (
        AiGateway(payload_table=PayloadTable(enabled, "c", schema, "p"))
        for enabled, schema in ((True, "s"), (False, "s"), (True, "t"))
    )
    for old, new in ((None, on), (on, on), (on, off), (off, other), (on, None)):
        check_change(old, new)
    with pytest.raises(InvalidParameter, match="disable it first"):
        check_change(on, other)


def test_a_config_keeps_the_shadow() -> None:
    block = AiGateway(routing=Routing(shadow_entity="second"))
    check_shadow(block, ["first", "second"])
    check_shadow(None, ["first"])
    with pytest.raises(InvalidParameter, match="lacks the entity 'second'"):
        check_shadow(block, ["first"])
