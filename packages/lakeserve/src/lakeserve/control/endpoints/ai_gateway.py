"""What an ``ai_gateway`` block means, and how it is shown again. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lakeserve.control.endpoints.gateway_requests import (
    AiGatewayInput,
    BudgetInput,
    ExtensionsInput,
    GuardrailInput,
    InferenceTableInput,
    LegacyRateLimitInput,
    RateLimitInput,
    RoutingInput,
)
from lakeserve.core.ai_gateway import (
    AiGateway,
    Budget,
    GuardrailRules,
    PayloadTable,
    RateLimit,
    Routing,
)
from lakeserve.core.errors import InvalidParameter

MOST_LIMITS = 20
MOST_GROUP_LIMITS = 5


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What of its endpoint a block may speak of.

    Attributes:
        endpoint: Its name.
        entities: Names of the served entities.
        where: The dotted place of the block in the body with a dot at its end, or an empty text.
    """

    endpoint: str
    entities: Sequence[str]
    where: str = ""


def check_gateway(given: AiGatewayInput | None, around: Surroundings) -> AiGateway | None:
    """The block as a value; None for one that says nothing.

    Raises:
        InvalidParameter: Fields contradict each other, or one is missing.
    """
    if given is None or not given.model_dump(exclude={"name"}, exclude_none=True):
        return None
    where = around.where
    own = given.lakeserve or ExtensionsInput()
    rules = given.guardrails
    fallback, tracking = given.fallback_config, given.usage_tracking_config
    return AiGateway(
        rate_limits=check_limits(given.rate_limits, f"{where}rate_limits"),
        usage_tracking=bool(tracking and tracking.enabled),
        payload_table=_table(given.inference_table_config, around),
        input_rules=_rules(rules.input if rules else None),
        output_rules=_rules(rules.output if rules else None),
        fallback=bool(fallback and fallback.enabled),
        routing=_routing(own.routing, around),
        budgets=_budgets(own.budgets, f"{where}lakeserve.budgets"),
        cache_ttl_s=own.cache.ttl_s if own.cache else None,
    )


def check_limits(
    given: Sequence[RateLimitInput | LegacyRateLimitInput] | None, where: str
) -> tuple[RateLimit, ...]:
    """Limits as values.

    Raises:
        InvalidParameter: There are too many, or one contradicts itself or another.
    """
    limits = tuple(_limit(each, f"{where}.{index}") for index, each in enumerate(given or ()))
    if len(limits) > MOST_LIMITS:
        raise InvalidParameter(
            f"Field '{where}' has {len(limits)} entries; accepted: at most {MOST_LIMITS}."
        )
    groups = [limit for limit in limits if limit.key == "user_group"]
    if len(groups) > MOST_GROUP_LIMITS:
        raise InvalidParameter(
            f"Field '{where}' has {len(groups)} entries of the key 'user_group'; accepted: at most"
            f" {MOST_GROUP_LIMITS}."
        )
    _check_once(((each.key, each.principal, each.calls is None) for each in limits), where)
    return limits


def check_change(old: AiGateway | None, new: AiGateway | None) -> None:
    """Refuse to move an inference table that is being written.

    Raises:
        InvalidParameter: It would be moved.
    """
    before, after = old and old.payload_table, new and new.payload_table
    if before and after and before.enabled and after.enabled and before != after:
        raise InvalidParameter(
            "Field 'inference_table_config' would move an inference table that is enabled; disable"
            " it first."
        )


def check_shadow(block: AiGateway | None, entities: Iterable[str]) -> None:
    """Refuse a config without the entity that gets copies of calls.

    Raises:
        InvalidParameter: The config lacks it.
    """
    shadow = block.routing.shadow_entity if block else None
    if shadow is not None and shadow not in entities:
        raise InvalidParameter(
            f"Field 'served_entities' lacks the entity {shadow!r}, which"
            " ai_gateway.lakeserve.routing.shadow_entity names; change that first."
        )


def _limit(given: RateLimitInput | LegacyRateLimitInput, where: str) -> RateLimit:
    key = given.key or "endpoint"
    if isinstance(given, LegacyRateLimitInput):
        return RateLimit(key, given.calls)
    if (given.calls is None) == (given.tokens is None):
        raise InvalidParameter(f"Field '{where}' must have exactly one of calls and tokens.")
    if key == "endpoint" and given.principal is not None:
        raise InvalidParameter(
            f"Field '{where}.principal' does not belong to the key 'endpoint'; accepted with"
            " 'user', 'user_group' and 'service_principal'."
        )
    if key in {"user_group", "service_principal"} and given.principal is None:
        raise InvalidParameter(f"Field '{where}.principal' is required with the key '{key}'.")
    return RateLimit(key, given.calls, given.tokens, given.principal)


def _table(given: InferenceTableInput | None, around: Surroundings) -> PayloadTable | None:
    if given is None:
        return None
    place = f"{around.where}inference_table_config"
    for name in ("catalog_name", "schema_name"):
        if given.enabled and getattr(given, name) is None:
            raise InvalidParameter(f"Field '{place}.{name}' is required to enable the table.")
    return PayloadTable(
        enabled=bool(given.enabled),
        catalog_name=given.catalog_name or "",
        schema_name=given.schema_name or "",
        table_name_prefix=given.table_name_prefix or around.endpoint,
    )


def _rules(given: GuardrailInput | None) -> GuardrailRules | None:
    if given is None:
        return None
    return GuardrailRules(
        pii=(given.pii and given.pii.behavior) or "NONE",
        safety=bool(given.safety),
        invalid_keywords=tuple(given.invalid_keywords or ()),
        valid_topics=tuple(given.valid_topics or ()),
    )


def _routing(given: RoutingInput | None, around: Surroundings) -> Routing:
    if given is None:
        return Routing()
    shadow = given.shadow_entity
    if shadow is not None and shadow not in around.entities:
        raise InvalidParameter(
            f"Field '{around.where}lakeserve.routing.shadow_entity' has the value {shadow[:130]!r};"
            f" accepted: {', '.join(around.entities)}."
        )
    return Routing(
        fallback_statuses=tuple(given.fallback_statuses or ()),
        timeout_s=given.timeout_s,
        first_token_timeout_s=given.first_token_timeout_s,
        retries=given.retries or 0,
        shadow_entity=shadow,
    )


def _budgets(given: Sequence[BudgetInput] | None, where: str) -> tuple[Budget, ...]:
    budgets = []
    for index, each in enumerate(given or ()):
        key = each.key or "endpoint"
        if key == "endpoint" and each.principal is not None:
            raise InvalidParameter(
                f"Field '{where}.{index}.principal' does not belong to the key 'endpoint'; accepted"
                " with 'user'."
            )
        budgets.append(Budget(each.amount, each.period, key, each.principal))
    _check_once(((each.key, each.principal, each.period) for each in budgets), where)
    return tuple(budgets)


def _check_once(identities: Iterable[tuple[object, ...]], where: str) -> None:
    seen: set[tuple[object, ...]] = set()
    for index, identity in enumerate(identities):
        if identity in seen:
            raise InvalidParameter(
                f"Field '{where}.{index}' is about the same as an entry before it; give one entry"
                " for each kind of limit and principal."
            )
        seen.add(identity)
