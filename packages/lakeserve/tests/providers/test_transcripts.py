"""Every transcript of ``contracts/providers``: as values, and through the gateway."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import orjson
import pytest
from gateway.stage import Stage, endpoint, open_stage
from gateway.strict_upstream import LAST_CHUNK, Script, Seen, Step, chunk, chunked_head, whole
from hypothesis import given
from hypothesis import strategies as st
from lakeserve.core.endpoints import Task
from lakeserve.gateway.sse import DONE, error_event
from lakeserve.gateway.task import OPERATIONS
from lakeserve.providers.base import EventTranslator
from lakeserve.providers.table import PROVIDERS
from providers import (
    ai21_schema,
    anthropic_schema,
    aws_signature,
    bedrock_schema,
    cohere_schema,
    palm_schema,
    vertex_schema,
)
from providers.transcripts import (
    FOLDERS,
    KEY_ID,
    REGION,
    ROOT,
    SECRET,
    Transcript,
    a_target,
    pieces_of,
    read,
    timeless,
    translated,
)

Refusal = Callable[[str, Mapping[str, str], bytes], tuple[int, bytes] | None]

# What each vendor refuses, and what its addresses begin with.
VENDORS: Mapping[str, tuple[Refusal, str]] = {
    "ai21labs": (ai21_schema.refusal, "/studio/v1"),
    "amazon-bedrock": (bedrock_schema.refusal, ""),
    "anthropic": (anthropic_schema.refusal, "/v1"),
    "cohere": (cohere_schema.refusal, ""),
    "google-cloud-vertex-ai": (vertex_schema.refusal, "/v1/projects/p/locations/r"),
    "palm": (palm_schema.refusal, ""),
}
TASKS: Mapping[str, Task] = {operation: task for task, operation in OPERATIONS.items()}

each_transcript = pytest.mark.parametrize(
    "transcript", [pytest.param(read(f), id=str(f.relative_to(ROOT))) for f in FOLDERS]
)


@each_transcript
async def test_requests(transcript: Transcript) -> None:
    asked = transcript.asked
    provider = PROVIDERS[transcript.provider]
    request = provider.build(asked.target, asked.operation, transcript.request, None)
    assert request.path == transcript.path
    assert orjson.loads(request.body) == transcript.sent
    signer = asked.target.signer
    signed = () if signer is None else await signer.headers("http://h" + request.path, request.body)
    refusal, _ = VENDORS[transcript.provider]
    assert refusal(request.path, dict((*request.headers, *signed)), request.body) is None


@each_transcript
def test_answers(transcript: Transcript) -> None:
    provider = PROVIDERS[transcript.provider]
    if transcript.events:
        for size in (1, 7, 1000, len(transcript.answer)):
            one = translator(transcript)
            events = translated(one, pieces_of(transcript.answer, size), transcript.framing())
            failure = one.failure
            events += DONE if failure is None else error_event(failure)
            assert events == transcript.reply
            assert one.done == (failure is None)
    elif transcript.status == 200:
        assert timeless(provider.reply(transcript.asked, transcript.answer)) == transcript.reply
    else:
        error = provider.error(transcript.status, transcript.answer, transcript.headers)
        assert orjson.dumps(error.body()) == transcript.reply


STREAMS = [transcript for transcript in map(read, FOLDERS) if transcript.events]


@given(st.sampled_from(STREAMS), st.data())
def test_any_split_gives_the_same_events(transcript: Transcript, data: st.DataObject) -> None:
    answer = transcript.answer
    cuts = sorted(data.draw(st.sets(st.integers(1, len(answer) - 1), max_size=30)))
    pieces = [answer[a:b] for a, b in pairwise([0, *cuts, len(answer)])]
    whole_events = translated(translator(transcript), [answer], transcript.framing())
    assert translated(translator(transcript), pieces, transcript.framing()) == whole_events


@given(st.sampled_from(STREAMS), st.data())
def test_only_a_whole_stream_is_done(transcript: Transcript, data: st.DataObject) -> None:
    one = translator(transcript)
    end = data.draw(st.integers(0, len(transcript.answer)))
    events = translated(one, [transcript.answer[:end]], transcript.framing())
    assert transcript.reply.startswith(events)
    assert one.done == (events + DONE == transcript.reply)


def translator(transcript: Transcript) -> EventTranslator:
    made = PROVIDERS[transcript.provider].events(transcript.asked)
    assert made is not None
    return made


@pytest.fixture
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path_factory.mktemp("gw")) as opened:
        yield opened


def strict(transcript: Transcript, size: int, refused: list[bytes]) -> Script:
    """A vendor that answers only what it documents."""
    refusal, base = VENDORS[transcript.provider]

    def script(seen: Seen) -> list[Step]:
        wrong = refusal(seen.target.removeprefix(base), seen.headers, seen.body)
        if transcript.provider == "amazon-bedrock":
            why = aws_signature.wrong(seen.target, seen.headers, seen.body, KEY_ID, SECRET, REGION)
            wrong = wrong if why is None else (403, bedrock_schema.error(why))
        if wrong is not None:
            refused.append(wrong[1])
            return [whole(*wrong)]
        if transcript.events:
            is_aws = transcript.provider == "amazon-bedrock"
            kind = "application/vnd.amazon.eventstream" if is_aws else "text/event-stream"
            parts = pieces_of(transcript.answer, size)
            return [chunked_head(kind), *(chunk(part) for part in parts), LAST_CHUNK]
        headers = tuple(transcript.headers.items())
        return [whole(transcript.status, transcript.answer, "application/json", *headers)]

    return script


@each_transcript
@pytest.mark.parametrize("size", [3, 100_000])
async def test_through_the_gateway(stage: Stage, transcript: Transcript, size: int) -> None:
    _, base = VENDORS[transcript.provider]
    address = stage.directory.now.endpoints["my-external"].targets[0].address
    assert address is not None
    entity = replace(
        a_target(transcript.provider, transcript.model, transcript.options),
        address=replace(address, base_path=base),
    )
    stage.add(endpoint("vendors", TASKS[transcript.operation], entity))
    refused: list[bytes] = []
    stage.vendor.script = strict(transcript, size, refused)
    path = "/serving-endpoints/vendors/invocations"
    answer = await stage.caller.call(path, {"client_request_id": "1", **transcript.request})
    assert refused == []
    assert timeless(answer.body) == transcript.reply
    assert answer.finished
    assert stage.vendor.seen[0].json() == transcript.sent
    if "retry-after" in transcript.headers:
        assert answer.headers["retry-after"] == transcript.headers["retry-after"]


def test_transcripts_have_their_form() -> None:
    assert len(FOLDERS) > 10
    allowed = {"call.json", "vendor.json", "vendor.sse", "vendor.frames", "reply.json", "reply.sse"}
    for folder in FOLDERS:
        assert {path.name for path in folder.iterdir()} <= allowed
        assert len(list(folder.iterdir())) == 3, folder


def test_every_translated_vendor_has_transcripts() -> None:
    assert {Path(folder).parent.name for folder in FOLDERS} == set(VENDORS)
