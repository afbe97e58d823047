"""Spans of calls as OpenTelemetry's own SDK records and sends them."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from gateway.stage import CHAT, EXTERNAL, HELLO, Stage, endpoint, open_stage, target
from gateway.strict_upstream import StrictUpstream, until, whole
from lakeserve.core.ai_gateway import AiGateway
from lakeserve.core.errors import ConfigurationError
from lakeserve.gateway import tracing
from lakeserve.gateway.tracing import open_tracing, tracing_to
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

TRACE, PARENT_SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{PARENT_SPAN}-01"
UNSAMPLED = f"00-{TRACE}-{PARENT_SPAN}-00"
REPLY = orjson.dumps({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 5}})


class Traced:
    """A stage whose traces stay here."""

    def __init__(self, stage: Stage, exporter: InMemorySpanExporter) -> None:
        self.stage = stage
        self._exporter = exporter

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()


async def _traced(ratio: float) -> AsyncIterator[Traced]:
    exporter = InMemorySpanExporter()
    made = tracing_to(exporter, ratio, "lake", processor=SimpleSpanProcessor)
    with tempfile.TemporaryDirectory(prefix="gw") as folder:
        async with open_stage(Path(folder), tracing=made) as stage:
            stage.worker.script = stage.vendor.script = lambda _: [whole(200, REPLY)]
            yield Traced(stage, exporter)
    await made.aclose()


@pytest.fixture
async def traced() -> AsyncIterator[Traced]:
    async for each in _traced(1.0):
        yield each


@pytest.fixture
async def untraced() -> AsyncIterator[Traced]:
    async for each in _traced(0.0):
        yield each


async def test_a_call_has_a_span_with_one_for_its_upstream(traced: Traced) -> None:
    answer = await traced.stage.caller.call(CHAT, EXTERNAL)
    upstream, call = traced.spans
    assert (upstream.name, upstream.kind) == ("chat gpt-x", SpanKind.CLIENT)
    assert (call.name, call.kind) == ("chat my-external", SpanKind.SERVER)
    assert upstream.parent is not None
    assert call.context is not None
    assert upstream.parent.span_id == call.context.span_id
    seen = dict(upstream.attributes or {})
    assert seen == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-x",
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 5,
        "lakeserve.served_entity": "my-external-1",
        "server.address": "127.0.0.1",
        "server.port": seen["server.port"],
    }
    assert (call.attributes or {})["http.response.status_code"] == 200
    assert (call.attributes or {})["lakeserve.request_id"] == answer.headers["x-request-id"]
    assert call.resource.attributes["service.name"] == "lake"
    sent = traced.stage.vendor.seen[0].headers["traceparent"]
    assert upstream.context is not None
    ids = f"00-{upstream.context.trace_id:032x}-{upstream.context.span_id:016x}-"
    assert sent.startswith(ids)
    assert int(sent.removeprefix(ids), 16) & 1


async def test_a_callers_trace_goes_on(traced: Traced) -> None:
    given = {"traceparent": PARENT, "tracestate": "a=b"}
    await traced.stage.caller.call(CHAT, HELLO, headers=given)
    _, call = traced.spans
    assert call.context is not None
    assert call.parent is not None
    assert f"{call.context.trace_id:032x}" == TRACE
    assert f"{call.parent.span_id:016x}" == PARENT_SPAN
    headers = traced.stage.worker.seen[0].headers
    assert headers["traceparent"].startswith(f"00-{TRACE}-")
    assert headers["tracestate"] == "a=b"


async def test_each_attempt_has_a_span_and_errors_are_marked(traced: Traced) -> None:
    stage = traced.stage
    both = (target("a", stage.worker_address), target("b", stage.worker_address, weight=0))
    stage.add(endpoint("my-chat", "llm/v1/chat", *both))
    stage.govern("my-chat", AiGateway(fallback=True))
    stage.worker.script = lambda _: [whole(500, b'{"message": "no"}')]
    await stage.caller.call(CHAT, HELLO)
    first, second, call = traced.spans
    assert (first.attributes or {})["error.type"] == "retried"
    assert call.status.status_code == second.status.status_code == StatusCode.ERROR
    assert (call.attributes or {})["error.type"] == (second.attributes or {})["error.type"]


async def test_requests_for_parts_of_a_call_share_a_span(traced: Traced) -> None:
    stage = traced.stage
    entity = target("e", stage.worker_address, provider="cohere")
    stage.add(endpoint("vectors", "llm/v1/embeddings", entity))
    reply = orjson.dumps({"embeddings": {"float": [[0.5]] * 96}})
    stage.worker.script = lambda _: [whole(200, reply)]
    body = {"input": ["abcd"] * 192}
    assert (await stage.caller.call("/serving-endpoints/vectors/invocations", body)).status == 200
    upstream, _ = traced.spans
    assert (upstream.attributes or {})["gen_ai.usage.input_tokens"] == 192
    assert upstream.status.status_code == StatusCode.UNSET
    assert len({seen.headers["traceparent"] for seen in stage.worker.seen}) == 1
    assert len(stage.worker.seen) == 2


async def test_who_is_not_sampled_leaves_no_span_but_is_passed_on(
    untraced: Traced, traced: Traced
) -> None:
    await untraced.stage.caller.call(CHAT, HELLO)
    assert "traceparent" not in untraced.stage.worker.seen[0].headers
    await traced.stage.caller.call(CHAT, HELLO, headers={"traceparent": UNSAMPLED})
    assert traced.stage.worker.seen[0].headers["traceparent"] == UNSAMPLED
    assert untraced.spans == traced.spans == ()
    await untraced.stage.caller.call(CHAT, HELLO, headers={"traceparent": PARENT})
    assert len(untraced.spans) == 2


async def test_without_tracing_the_context_goes_on(stage: Stage) -> None:
    await stage.caller.call(CHAT, HELLO, headers={"traceparent": UNSAMPLED})
    assert stage.worker.seen[0].headers["traceparent"] == UNSAMPLED


async def test_spans_reach_a_collector_over_http(stage: Stage) -> None:
    collector = StrictUpstream(script=lambda _: [whole(200, b"", "application/x-protobuf")])
    address = await collector.listen_tcp()
    url = f"http://127.0.0.1:{address.port}/v1/traces"
    made = open_tracing(url, {"x-key": "k"}, 1.0, "lake")
    trace = made.begin({})
    assert trace is not None
    await stage.caller.call(CHAT, HELLO)
    trace.end(stage.ledger.records[0])
    await made.aclose()
    await until(lambda: collector.seen)
    request = collector.seen[0]
    assert (request.target, request.headers["x-key"]) == ("/v1/traces", "k")
    assert b"chat my-chat" in request.body
    await collector.aclose()


async def test_a_collector_that_does_not_answer_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tracing, "STOP_TIMEOUT_S", 0.01)
    made = tracing_to(InMemorySpanExporter(), 1.0, "lake", processor=SimpleSpanProcessor)
    gate = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hangs() -> None:
        asyncio.run_coroutine_threadsafe(gate.wait(), loop).result()

    monkeypatch.setattr(made._provider, "shutdown", hangs)
    await made.aclose()
    assert "collector does not answer" in caplog.text
    gate.set()


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'lakeserve\[otel\]'"):
        open_tracing("http://127.0.0.1:1/v1/traces", {}, 1.0, "lake")
