"""The transcripts of ``contracts/providers``: what a vendor is asked and what it answers."""

import base64
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from lakeserve.core.endpoints import Target
from lakeserve.core.signing import RequestSigner
from lakeserve.gateway.sse import EventSplitter
from lakeserve.providers.base import Asked, EventTranslator, Framing, Operation
from lakeserve.providers.table import PROVIDERS
from lakeserve.reconcile.credentials.aws import AwsSignatures
from lakeserve.reconcile.credentials.tokens import AccessToken, BearerTokens
from providers import aws_frames

ROOT = Path(__file__).parents[4] / "contracts" / "providers"
FOLDERS = sorted(path.parent for path in ROOT.rglob("call.json"))
SECRET = "sk-very-secret"
KEY_ID, REGION = "AKIAEXAMPLE", "us-east-1"

# How the requests of those vendors are authorized that take no key as it is.
SIGNERS: Mapping[str, Callable[[], RequestSigner]] = {
    "amazon-bedrock": lambda: AwsSignatures(KEY_ID, SECRET, REGION),
    "google-cloud-vertex-ai": lambda: BearerTokens(
        "google", lambda: AccessToken(SECRET, time.time() + 3600)
    ),
}


@dataclass(frozen=True)
class Transcript:
    """One exchange.

    Attributes:
        request: What the caller asks.
        path: What the vendor is asked, after the base path.
        sent: The body the vendor gets, as JSON.
        status: What the vendor answers with.
        headers: Of the vendor's answer.
        answer: The body of the vendor's answer.
        reply: What the caller gets; moments are 0.
        events: Whether both are streams.
    """

    provider: str
    operation: Operation
    model: str
    request: dict[str, Any]
    path: str
    sent: dict[str, Any]
    answer: bytes
    reply: bytes
    events: bool
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)

    @property
    def asked(self) -> Asked:
        target = a_target(self.provider, self.model, self.options)
        return Asked(target, self.operation, self.request)

    def framing(self) -> Framing:
        """What cuts the vendor's stream."""
        return PROVIDERS[self.provider].framing(self.asked) or EventSplitter()


def a_target(provider: str, model: str = "m", options: Mapping[str, str] | None = None) -> Target:
    """A target whose credential is known, unless its requests are signed."""
    signed = provider in SIGNERS
    return Target(
        "id",
        "e",
        provider,
        model,
        "M",
        100,
        credential=None if signed else SECRET,
        signer=SIGNERS[provider]() if signed else None,
        options=options or {},
    )


def read(folder: Path) -> Transcript:
    """A transcript from its folder."""
    call = orjson.loads((folder / "call.json").read_bytes())
    answer = next(path for path in sorted(folder.iterdir()) if path.stem == "vendor")
    events = answer.suffix != ".json"
    reply = folder / ("reply.sse" if events else "reply.json")
    return Transcript(
        provider=folder.parent.name,
        operation=call["operation"],
        model=call["model"],
        request=call["request"],
        path=call["upstream_path"],
        sent=call["upstream_request"],
        answer=_answer(answer),
        reply=reply.read_bytes() if reply.exists() else b"",
        events=events,
        status=call.get("status", 200),
        headers=call.get("headers", {}),
        options=call.get("options", {}),
    )


def _answer(path: Path) -> bytes:
    content = path.read_bytes().strip(b"\n")
    if path.suffix == ".frames":
        return b"".join(map(_frame, content.split(b"\n")))
    return content + (b"\n\n" if path.suffix == ".sse" else b"")


def _frame(line: bytes) -> bytes:
    """A message of AWS's event streams; the parts of a model's own JSON travel in base64 there."""
    ((name, value),) = orjson.loads(line).items()
    if name == "chunk":
        value = {"bytes": base64.b64encode(orjson.dumps(value)).decode(), "p": "abc"}
    return aws_frames.event(name, orjson.dumps(value))


def timeless(data: bytes) -> bytes:
    """Answers without the moment they were made at, and the ids that were made for them."""
    data = re.sub(rb'"id":"(chatcmpl|palm)-[0-9a-f]{32}"', rb'"id":"\1-0"', data)
    return re.sub(rb'"created":\d+', b'"created":0', data)


def translated(
    translator: EventTranslator | None, pieces: Iterable[bytes], framing: Framing | None = None
) -> bytes:
    """What callers get of a vendor's stream that arrives in these pieces."""
    splitter = framing or EventSplitter()
    given = (splitter.feed(piece) for piece in pieces)
    feed = (lambda events: events) if translator is None else translator.feed
    return timeless(b"".join(feed(events) for events in given if events))


def pieces_of(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]
