"""What is written down of a call, as a value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple


class CallRecord(NamedTuple):  # made once per call, for a third of what a frozen dataclass costs
    """One call of an endpoint, from its request to its end. Times are epoch milliseconds.

    New fields go in front of ``request``: journals store the ones before it by their position.

    Attributes:
        request_id: The ``x-databricks-request-id`` of the answer.
        client_request_id: What the caller named it, or None.
        entity_id: Who answered; empty when nobody was asked.
        requester: User name or application id.
        status: HTTP status; of a stream that broke off, the status of its error. 499 when the
            caller left.
        streaming: Whether the answer was wanted as events.
        duration_ms: From the request's head to the last byte of its answer.
        queue_ms: From the request's head until it was sent upstream.
        first_byte_ms: From the request's head to the first byte of the upstream's answer, or None
            when there was none.
        input_tokens: As the upstream reports them; estimated when it does not.
        attempts: Upstream exchanges that were begun.
        is_cached: Whether the answer was one given before.
        is_shadow: Whether the answer was only recorded.
        usage_context: What the caller wants to find its call by, or None.
        provider: The provider of who answered, as its configuration names it; prices go by it.
        model: The name of the model at the provider.
        error_code: Of the answer, when it was an error.
        payload_table: Full name of the inference table that the payloads go to, or empty.
        refused_by: What of the endpoint's governance refused the call, or empty; see
            ``WireError.refused_by``.
        request: The body that was sent here, or None when payloads are not kept.
        response: The answer; a stream as one aggregated answer.
    """

    request_id: str
    client_request_id: str | None
    endpoint_id: str
    endpoint_name: str
    entity_id: str
    entity_name: str
    requester: str
    operation: str
    status: int
    streaming: bool
    started_at: int
    duration_ms: float
    queue_ms: float = 0.0
    first_byte_ms: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    input_characters: int = 0
    output_characters: int = 0
    attempts: int = 0
    is_cached: bool = False
    is_shadow: bool = False
    usage_context: Mapping[str, str] | None = None
    provider: str = ""
    model: str = ""
    error_code: str = ""
    payload_table: str = ""
    refused_by: str = ""
    request: bytes | None = None
    response: bytes | None = None


STORED_FIELDS = CallRecord._fields.index("request")

UsageKey = Literal["endpoint", "user", "day"]


@dataclass(frozen=True, slots=True)
class UsageTotal:
    """What the calls with one key used together.

    Attributes:
        key: Name of an endpoint, name of a requester, or a day of UTC as ``2026-11-26``.
        failed_calls: Those that were answered with a status of 400 or more.
        cached_calls: Those that got an answer given before.
        cost: In the currency of the price table.
    """

    key: str
    calls: int
    failed_calls: int
    cached_calls: int
    input_tokens: int
    output_tokens: int
    cost: float


@dataclass(frozen=True, slots=True)
class Spending:
    """What one requester's calls of one endpoint cost in the present month, and today."""

    endpoint_id: str
    requester: str
    month: float
    today: float
