"""What is written down of one call: gathered on its way, written once, before its last byte."""

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import orjson

from lakeserve.core.endpoints import RoutableEndpoint, Target
from lakeserve.core.errors import Internal, WireError
from lakeserve.core.identity import Principal
from lakeserve.core.ports import Ledger
from lakeserve.core.usage import CallRecord
from lakeserve.gateway.intake import CallerGone
from lakeserve.gateway.native_sizes import INVENTED, asked_characters, native_size
from lakeserve.gateway.observation import (
    NOTHING,
    Measured,
    StreamObservation,
    asked_tokens,
    input_characters,
    measure_reply,
)
from lakeserve.gateway.seams import CallTrace, KeptAnswer, Reservation
from lakeserve.gateway.stream_reply import whole_of_stream
from lakeserve.gateway.task import Question
from lakeserve.gateway.trace_context import Headers, trace_headers
from lakeserve.providers.base import Operation

TAGS_HEADER = b"databricks-ai-gateway-request-tags"
TIMING = b"server-timing"
TRACEPARENT = b"traceparent"
CALLER_GONE = 499
FAULT = 500


class Account:
    """One call of an endpoint as far as it has come.

    Attributes:
        started: ``time.perf_counter()`` at the head of the request.
        reservation: What the call has taken of its limits.
        attempts: Upstream exchanges that were begun.
        target: Who was asked last.
        is_shadow: Whether nobody gets the answer.
        first_byte: ``time.perf_counter()`` at the first byte of the answer, 0.0 before it.
        stream: What has come as events.
        passed: What of them went to the caller, where rules may have changed them.
        marks: Headers of the answer that say how it came about.
        trace: The trace of the call, if it is traced.
    """

    # Defaults of the class: one call sets few of them, and setting costs.
    _endpoint: RoutableEndpoint | None = None
    _operation: Operation | None = None
    _streaming = False
    _body: Mapping[str, Any] = MappingProxyType({})
    _raw: bytes | None = None
    _characters = 0
    _measured: Measured | None = None
    _response: bytes | None = None
    _cached: KeptAnswer | None = None
    _is_closed = False
    _sent = 0.0
    attempts = 0
    target: Target | None = None
    first_byte = 0.0
    reservation: Reservation | None = None
    stream: StreamObservation | None = None
    passed: StreamObservation | None = None
    is_shadow = False
    marks: tuple[tuple[bytes, bytes], ...] = ()
    trace: CallTrace | None = None

    def __init__(
        self,
        ledger: Ledger | None,
        request_id: str,
        caller: Principal,
        headers: Mapping[bytes, bytes],
        started: float,
    ) -> None:
        self._ledger = ledger
        self._request_id = request_id
        self._caller = caller
        self._headers = headers
        self.started = started

    def shadow(self) -> "Account":
        """An account for a copy of this call whose answer nobody gets."""
        copy = Account(
            self._ledger,
            f"{self._request_id}-shadow",
            self._caller,
            self._headers,
            time.perf_counter(),
        )
        copy._endpoint = self._endpoint
        copy._operation, copy._streaming = self._operation, self._streaming
        copy._body, copy._raw, copy._characters = self._body, self._raw, self._characters
        copy.is_shadow = True
        return copy

    def concerns(self, endpoint: RoutableEndpoint) -> None:
        """The endpoint is known, and the caller may query it: from now on the call counts."""
        self._endpoint = endpoint

    def asks(self, asked: Question, body: Mapping[str, Any], raw: bytes) -> None:
        """The question is understood; ``body`` still has the gateway's own fields."""
        operation = self._operation = asked.operation
        self._streaming = asked.stream
        self._body = body
        self._raw = raw
        if operation in INVENTED or (operation == "chat" and "messages" not in body):
            self._characters = asked_characters(body)
        else:
            self._characters = input_characters(operation, body)

    @property
    def estimate(self) -> int:
        """Tokens that the call may use."""
        return asked_tokens(self._characters, self._body)

    def begins(self, target: Target) -> Headers:
        """A request is about to leave for an upstream.

        Returns:
            The trace context that it shall carry.
        """
        self.attempts += 1
        self.target = target
        self._sent = time.perf_counter()
        if self.trace is not None:
            return self.trace.attempt(target, self._operation or "")
        return trace_headers(self._headers) if TRACEPARENT in self._headers else ()

    def timing(self) -> tuple[bytes, bytes]:
        """Where the time until now went, in milliseconds.

        ``queue`` ends when the request leaves for the upstream, ``upstream`` with the first byte of
        its answer, which of a stream is the first token; ``total`` is now.
        """
        started, sent, first = self.started, self._sent, self.first_byte
        total = (time.perf_counter() - started) * 1000
        if not sent:
            return TIMING, b"total;dur=%.1f" % total
        upstream = (first - sent) * 1000 if first else 0.0
        parts = ((sent - started) * 1000, upstream, total)
        return TIMING, b"queue;dur=%.1f, upstream;dur=%.1f, total;dur=%.1f" % parts

    def answered(self, body: bytes) -> None:
        """The whole answer is here, in the form in which it leaves."""
        self._response = body

    def observes_stream(self) -> StreamObservation:
        """The answer comes as events, which are told to the observation."""
        self.stream = self.passed = StreamObservation()
        return self.stream

    def observes_passed(self) -> StreamObservation:
        """What leaves is not what came; both are observed."""
        self.passed = StreamObservation()
        return self.passed

    def found(self, kept: KeptAnswer) -> None:
        """The answer is one that was given before."""
        self._cached = kept
        self._response = kept.body
        self._measured = Measured(kept.input_tokens, kept.output_tokens, 0)

    def given(self, target: Target) -> KeptAnswer | None:
        """The whole answer for those who keep answers; None when it was too long to remember."""
        passed = self.passed
        body = self._response if passed is None else passed.events
        if body is None or not (passed is None or passed.is_whole):
            return None
        used = self.measured()
        return KeptAnswer(
            body,
            target.entity_id,
            target.entity_name,
            target.model_name,
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
        )

    def measured(self) -> Measured:
        """The size of what was answered so far."""
        measured = self._measured
        if measured is not None:
            return measured
        body, operation = self._response, self._operation
        if body is None or operation is None or operation in INVENTED or self.stream is not None:
            measured = self._measure()
        else:
            measured = measure_reply(operation, body, self._characters)
        self._measured = measured
        return measured

    def close(self, status: int, error_code: str = "", refused_by: str = "") -> None:
        """The call is over, or about to be: settle its limits and write it down. Once.

        Raises:
            WireError: It cannot be written down.
        """
        if self._is_closed:
            return
        self._is_closed = True
        if self._endpoint is None:
            if self._ledger is not None:
                self._ledger.unmatched(status)
            return
        if self.reservation is not None:
            used = self._measured or self.measured()
            is_free = self._cached is not None
            self.reservation.settle(0 if is_free else used.input_tokens + used.output_tokens)
        if self._ledger is None and self.trace is None:
            return
        record = self._record(self._endpoint, status, error_code, refused_by)
        if self.trace is not None:
            self.trace.end(record)
        if self._ledger is not None:
            self._ledger.record(record)

    def close_with(self, error: BaseException) -> None:
        """The call has failed."""
        if isinstance(error, WireError):
            self.close(error.status, error.error_code, error.refused_by)
        elif isinstance(error, CallerGone):
            self.close(CALLER_GONE, "CANCELLED")
        else:
            self.close(FAULT, Internal.error_code)

    def _measure(self) -> Measured:
        stream, operation = self.stream, self._operation
        if operation in INVENTED:
            data = (self._response or b"") if stream is None else stream.events + stream.ending
            return native_size(operation, data, self._characters) if data else NOTHING
        return NOTHING if stream is None else stream.measure(self._characters)

    def _record(
        self, endpoint: RoutableEndpoint, status: int, error_code: str, refused_by: str
    ) -> CallRecord:
        used = self._measured or self.measured()
        now = time.perf_counter()
        started = self.started
        target, cached, body = self.target, self._cached, self._body
        entity = cached or target
        wanted = endpoint.ai_gateway
        table = "" if wanted is None or wanted.payload_table is None else _payload_table(endpoint)
        # By position: with names it takes three times as long.
        return CallRecord(
            self._request_id,
            _text(body["client_request_id"]) if "client_request_id" in body else None,
            endpoint.id,
            endpoint.name,
            "" if entity is None else entity.entity_id,
            "" if entity is None else entity.entity_name,
            self._caller.name,
            self._operation or "",
            status,
            self._streaming,
            int((time.time() - now + started) * 1000),
            (now - started) * 1000,
            ((self._sent or now) - started) * 1000,
            (self.first_byte - started) * 1000 if self.first_byte else None,
            used.input_tokens,
            used.output_tokens,
            self._characters,
            used.output_characters,
            self.attempts,
            cached is not None,
            self.is_shadow,
            self._usage_context()
            if "usage_context" in body or TAGS_HEADER in self._headers
            else None,
            "" if target is None else target.provider,
            "" if target is None else target.upstream_model,
            error_code,
            table,
            refused_by,
            self._raw if table else None,
            self._payload() if table else None,
        )

    def _usage_context(self) -> dict[str, str] | None:
        """The caller's own marks, of the body and of the header that newer clients send."""
        given = self._body.get("usage_context")
        tags = self._headers.get(TAGS_HEADER)
        if given is None and tags is None:
            return None
        return {**_text_map(_parsed(tags)), **_text_map(given)}

    def _payload(self) -> bytes | None:
        if self.passed is None:
            return self._response
        if self._operation in INVENTED:
            return self.passed.events  # they say it in so many ways
        return whole_of_stream(self._operation or "", self.passed.events)


def _payload_table(endpoint: RoutableEndpoint) -> str:
    asked = endpoint.ai_gateway
    if asked is None or asked.payload_table is None or not asked.payload_table.enabled:
        return ""
    return asked.payload_table.full_name


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _parsed(tags: bytes | None) -> Any:
    try:
        return None if tags is None else orjson.loads(tags)
    except orjson.JSONDecodeError:
        return None


def _text_map(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {key: item if isinstance(item, str) else str(item) for key, item in value.items()}
