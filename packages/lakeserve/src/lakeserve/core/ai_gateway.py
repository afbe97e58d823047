"""What the owner of an endpoint asks the gateway to do beside forwarding, as values."""

from dataclasses import dataclass, field
from typing import Literal

RateLimitKey = Literal["endpoint", "user", "user_group", "service_principal"]
PiiBehavior = Literal["NONE", "BLOCK", "MASK"]


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A limit over a rolling window of 60 seconds; either calls or tokens are set.

    Attributes:
        principal: User name, group name or application id; None is the default for every user,
            and always None for ``endpoint``.
    """

    key: RateLimitKey = "endpoint"
    calls: int | None = None
    tokens: int | None = None
    principal: str | None = None


@dataclass(frozen=True, slots=True)
class GuardrailRules:
    """What is looked for in one direction of a chat."""

    pii: PiiBehavior = "NONE"
    safety: bool = False
    invalid_keywords: tuple[str, ...] = ()
    valid_topics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PayloadTable:
    """Where requests and replies are kept: ``<catalog>.<schema>.<prefix>_payload``."""

    enabled: bool
    catalog_name: str
    schema_name: str
    table_name_prefix: str

    @property
    def full_name(self) -> str:
        """The name of the table."""
        return f"{self.catalog_name}.{self.schema_name}.{self.table_name_prefix}_payload"


NO_RULES = GuardrailRules()


def asks_something(rules: GuardrailRules | None) -> bool:
    """Whether there is anything to look for."""
    return rules is not None and rules != NO_RULES


@dataclass(frozen=True, slots=True)
class Routing:
    """How calls are repeated; an extension of this platform.

    Attributes:
        fallback_statuses: Upstream statuses that let the next entity try; empty means 429 and 5xx.
        timeout_s: For one attempt, from sending to the last byte; None leaves the call's own.
        first_token_timeout_s: For one attempt, from sending to the first byte of its answer.
        retries: Further attempts at one entity before the next one is asked.
        shadow_entity: Gets a copy of each call; its answer is only recorded.
    """

    fallback_statuses: tuple[int, ...] = ()
    timeout_s: float | None = None
    first_token_timeout_s: float | None = None
    retries: int = 0
    shadow_entity: str | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """Money that may be spent in one period; an extension of this platform.

    Attributes:
        amount: In the currency of the price table.
        key: Whose spending counts: all of the endpoint's, or each user's or one principal's.
    """

    amount: float
    period: Literal["day", "month"]
    key: Literal["endpoint", "user"] = "endpoint"
    principal: str | None = None


@dataclass(frozen=True, slots=True)
class AiGateway:
    """The ``ai_gateway`` block of an endpoint.

    Attributes:
        cache_ttl_s: How long an answer may be given again to the same request; None for never.
    """

    rate_limits: tuple[RateLimit, ...] = ()
    usage_tracking: bool = False
    payload_table: PayloadTable | None = None
    input_rules: GuardrailRules | None = None
    output_rules: GuardrailRules | None = None
    fallback: bool = False
    routing: Routing = field(default_factory=Routing)
    budgets: tuple[Budget, ...] = ()
    cache_ttl_s: int | None = None
