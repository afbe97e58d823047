"""Bodies of the ``ai_gateway`` block. Unknown fields are refused by their name.

What belongs together across fields is checked in ``ai_gateway``.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from lakeserve.control.endpoints.bodies import Body, Some, Text

MOST_WORDS = 1000
LONGEST_WORD = 256
LONGEST_PRINCIPAL = 256
LONGEST_TIMEOUT_S = 3600
MOST_RETRIES = 10
LONGEST_CACHE_S = 30 * 24 * 3600

# A table's name becomes a directory's name where tables are files.
_TABLE_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_-]{0,127}$"

Count = Annotated[int, Field(ge=0, le=2**53)]
Seconds = Annotated[float, Field(gt=0, le=LONGEST_TIMEOUT_S, allow_inf_nan=False)]
TableName = Annotated[str, Field(pattern=_TABLE_NAME)]
PrincipalName = Annotated[Text, Field(min_length=1, max_length=LONGEST_PRINCIPAL)]
Word = Annotated[Text, Field(min_length=1, max_length=LONGEST_WORD)]
Words = Annotated[list[Word], Field(max_length=MOST_WORDS)]


class RateLimitInput(Body):
    """One limit."""

    renewal_period: Literal["minute"]
    key: Literal["endpoint", "user", "user_group", "service_principal"] | None = None
    calls: Count | None = None
    tokens: Count | None = None
    principal: PrincipalName | None = None


class SwitchInput(Body):
    """A part that is on or off."""

    enabled: bool | None = None


class FallbackInput(Body):
    """A part that is on or off, and says which."""

    enabled: bool


class InferenceTableInput(Body):
    """Where requests and replies are kept."""

    enabled: bool | None = None
    catalog_name: TableName | None = None
    schema_name: TableName | None = None
    table_name_prefix: TableName | None = None


class PiiInput(Body):
    """What happens to personal data."""

    behavior: Literal["NONE", "BLOCK", "MASK"] | None = None


class GuardrailInput(Body):
    """Rules of one direction."""

    pii: PiiInput | None = None
    safety: bool | None = None
    invalid_keywords: Words | None = None
    valid_topics: Words | None = None


class GuardrailsInput(Body):
    """Rules of both directions."""

    input: GuardrailInput | None = None
    output: GuardrailInput | None = None


class RoutingInput(Body):
    """How calls are repeated; an extension."""

    fallback_statuses: Some[Annotated[int, Field(ge=400, le=599)]] | None = None
    timeout_s: Seconds | None = None
    first_token_timeout_s: Seconds | None = None
    retries: Annotated[int, Field(ge=0, le=MOST_RETRIES)] | None = None
    shadow_entity: Text | None = None


class BudgetInput(Body):
    """Money that may be spent; an extension."""

    amount: Annotated[float, Field(ge=0, le=10**12, allow_inf_nan=False)]
    period: Literal["day", "month"]
    key: Literal["endpoint", "user"] | None = None
    principal: PrincipalName | None = None


class CacheInput(Body):
    """Answers that may be given again; an extension."""

    ttl_s: Annotated[int, Field(ge=1, le=LONGEST_CACHE_S)]


class ExtensionsInput(Body):
    """What the documented block has no place for."""

    routing: RoutingInput | None = None
    budgets: Annotated[list[BudgetInput], Field(max_length=20)] | None = None
    cache: CacheInput | None = None


class AiGatewayInput(Body):
    """The whole block; the name of the endpoint is taken from the path."""

    name: Any = None
    rate_limits: Some[RateLimitInput] | None = None
    usage_tracking_config: SwitchInput | None = None
    inference_table_config: InferenceTableInput | None = None
    guardrails: GuardrailsInput | None = None
    fallback_config: FallbackInput | None = None
    lakeserve: ExtensionsInput | None = None


class LegacyRateLimitInput(Body):
    """A limit of the older kind."""

    renewal_period: Literal["minute"]
    key: Literal["endpoint", "user"] | None = None
    calls: Count


class RateLimitsInput(Body):
    """Limits of the older kind."""

    name: Any = None
    rate_limits: Some[LegacyRateLimitInput] | None = None
