"""Traces of calls for OpenTelemetry, with the attributes of its conventions for generative AI.

The SDK comes with an extra and is loaded only where a collector is configured. A call that is not
sampled meets one comparison; its caller's trace context still goes on to the upstream.
"""

import asyncio
import logging
import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lakeserve.core.endpoints import Target
from lakeserve.core.errors import ConfigurationError
from lakeserve.core.usage import CallRecord
from lakeserve.gateway.trace_context import Headers, is_sampled, trace_headers

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, Tracer

logger = logging.getLogger(__name__)

NAME = "lakeserve"
STOP_TIMEOUT_S = 5.0

# What the conventions call operations and providers.
OPERATIONS = {"chat": "chat", "completions": "text_completion", "embeddings": "embeddings"}
PROVIDERS = {
    "amazon-bedrock": "aws.bedrock",
    "azure": "azure.ai.openai",
    "gemini": "gcp.gemini",
    "google-cloud-vertex-ai": "gcp.vertex_ai",
}


class OtelTracing:
    """The gateway's ``Tracing``. Whoever makes one stops it with ``aclose``.

    Args:
        provider: Records every span that it is asked for.
        ratio: Share of the calls to trace whose callers do not say whether they trace.
    """

    def __init__(self, provider: "TracerProvider", ratio: float) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer(NAME)
        self._ratio = ratio

    def begin(self, headers: Mapping[bytes, bytes]) -> "OtelTrace | None":
        """See ``Tracing.begin``."""
        given = trace_headers(headers)
        if not (is_sampled(given) if given else random.random() < self._ratio):
            return None
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        context = TraceContextTextMapPropagator().extract(dict(given)) if given else None
        span = self._tracer.start_span("call", context=context, kind=SpanKind.SERVER)
        return OtelTrace(self._tracer, span)

    async def aclose(self) -> None:
        """Send what is left, for a few seconds at most."""
        stopping = asyncio.to_thread(self._provider.shutdown)
        try:
            await asyncio.wait_for(stopping, STOP_TIMEOUT_S)
        except (TimeoutError, asyncio.TimeoutError):
            logger.warning("the last traces were not sent: their collector does not answer")


class OtelTrace:
    """The spans of one call: one for the call, in it one for each request to an upstream."""

    def __init__(self, tracer: "Tracer", span: "Span") -> None:
        self._tracer = tracer
        self._span = span
        self._attempt: Span | None = None

    def attempt(self, target: Target, operation: str) -> Headers:
        """See ``CallTrace.attempt``."""
        from opentelemetry.trace import SpanKind, set_span_in_context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._end_attempt("retried")
        name = OPERATIONS.get(operation, operation)
        attributes: dict[str, str | int] = {
            "gen_ai.operation.name": name,
            "gen_ai.provider.name": PROVIDERS.get(target.provider, target.provider),
            "gen_ai.request.model": target.upstream_model,
            "lakeserve.served_entity": target.entity_name,
        }
        if target.address is not None and target.address.uds is None:
            attributes["server.address"] = target.address.host
            attributes["server.port"] = target.address.port
        attempt = self._attempt = self._tracer.start_span(
            f"{name} {target.upstream_model}",
            context=set_span_in_context(self._span),
            kind=SpanKind.CLIENT,
            attributes=attributes,
        )
        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier, set_span_in_context(attempt))
        return tuple(carrier.items())

    def end(self, call: CallRecord) -> None:
        """See ``CallTrace.end``."""
        if self._attempt is not None:
            self._attempt.set_attribute("gen_ai.usage.input_tokens", call.input_tokens)
            self._attempt.set_attribute("gen_ai.usage.output_tokens", call.output_tokens)
        self._end_attempt(call.error_code)
        span = self._span
        span.update_name(f"{OPERATIONS.get(call.operation, call.operation)} {call.endpoint_name}")
        span.set_attributes(
            {
                "http.response.status_code": call.status,
                "lakeserve.request_id": call.request_id,
                "lakeserve.endpoint": call.endpoint_name,
                "lakeserve.cached": call.is_cached,
                "lakeserve.queue_ms": call.queue_ms,
                "user.name": call.requester,
            }
        )
        _fail(span, call.error_code)
        span.end()

    def _end_attempt(self, error: str) -> None:
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            _fail(attempt, error)
            attempt.end()


def _fail(span: "Span", error: str) -> None:
    if not error:
        return
    from opentelemetry.trace import StatusCode

    span.set_attribute("error.type", error)
    span.set_status(StatusCode.ERROR)


def open_tracing(
    endpoint: str, headers: Mapping[str, str], ratio: float, service: str
) -> OtelTracing:
    """Send traces to a collector over OTLP with HTTP.

    Args:
        endpoint: The whole address, such as ``http://127.0.0.1:4318/v1/traces``.
        headers: For the collector, such as a credential.
        ratio: Share of the calls to trace whose callers do not say whether they trace.
        service: The name under which they are found.

    Raises:
        ConfigurationError: The extra is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise ConfigurationError(
            "telemetry.otlp_endpoint is set, and needs packages that are not installed: pip install"
            " 'lakeserve[otel]'"
        ) from None
    exporter = OTLPSpanExporter(endpoint=endpoint, headers=dict(headers))
    return tracing_to(exporter, ratio, service, processor=BatchSpanProcessor)


def tracing_to(
    exporter: "SpanExporter", ratio: float, service: str, *, processor: type
) -> OtelTracing:
    """Send traces to an exporter through a processor of the given kind."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    # Every span is recorded: which calls are traced is decided before the SDK is asked.
    provider = TracerProvider(
        sampler=ALWAYS_ON, resource=Resource({"service.name": service}), shutdown_on_exit=False
    )
    provider.add_span_processor(processor(exporter))
    return OtelTracing(provider, ratio)
