"""The ``ai_gateway`` block as the admin API shows it. Pure: values in, JSON objects out."""

from collections.abc import Iterable, Mapping

from lakeserve.core.ai_gateway import AiGateway, GuardrailRules, PayloadTable, RateLimit

Json = dict[str, object]


def gateway_block(stored: AiGateway) -> Json:
    """The block; what is off is left out."""
    guardrails = _given(
        input=stored.input_rules and _rules(stored.input_rules),
        output=stored.output_rules and _rules(stored.output_rules),
    )
    return _given(
        rate_limits=rate_limits(stored.rate_limits) or None,
        usage_tracking_config={"enabled": True} if stored.usage_tracking else None,
        inference_table_config=stored.payload_table and _table(stored.payload_table),
        guardrails=guardrails or None,
        fallback_config={"enabled": True} if stored.fallback else None,
        lakeserve=_extensions(stored) or None,
    )


def rate_limits(stored: Iterable[RateLimit]) -> list[Json]:
    """Limits as a list."""
    return [
        {
            **_given(calls=limit.calls, tokens=limit.tokens, principal=limit.principal),
            "key": limit.key,
            "renewal_period": "minute",
        }
        for limit in stored
    ]


def _table(table: PayloadTable) -> Json:
    names: Mapping[str, str] = {
        "catalog_name": table.catalog_name,
        "schema_name": table.schema_name,
        "table_name_prefix": table.table_name_prefix,
    }
    return {"enabled": table.enabled, **{key: value for key, value in names.items() if value}}


def _rules(rules: GuardrailRules) -> Json:
    shown = _given(
        pii={"behavior": rules.pii} if rules.pii != "NONE" else None,
        safety=rules.safety or None,
        invalid_keywords=list(rules.invalid_keywords) or None,
        valid_topics=list(rules.valid_topics) or None,
    )
    return shown or {"pii": {"behavior": "NONE"}}


def _extensions(stored: AiGateway) -> Json:
    routing = stored.routing
    shown = _given(
        fallback_statuses=list(routing.fallback_statuses) or None,
        timeout_s=routing.timeout_s,
        first_token_timeout_s=routing.first_token_timeout_s,
        retries=routing.retries or None,
        shadow_entity=routing.shadow_entity,
    )
    budgets = [
        {
            "amount": budget.amount,
            "period": budget.period,
            "key": budget.key,
            **_given(principal=budget.principal),
        }
        for budget in stored.budgets
    ]
    cache = None if stored.cache_ttl_s is None else {"ttl_s": stored.cache_ttl_s}
    return _given(routing=shown or None, budgets=budgets or None, cache=cache)


def _given(**values: object) -> Json:
    """What is not None."""
    return {name: value for name, value in values.items() if value is not None}
