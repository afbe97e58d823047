"""The transcripts of ``contracts/providers``: what a vendor is asked and what it answers."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from lakeserve.core.endpoints import Target
from lakeserve.gateway.sse import EventSplitter
from lakeserve.providers.base import Asked, EventTranslator, Operation

ROOT = Path(__file__).parents[4] / "contracts" / "providers"
FOLDERS = sorted(path.parent for path in ROOT.rglob("call.json"))
SECRET = "sk-very-secret"


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

    @property
    def asked(self) -> Asked:
        return Asked(a_target(self.provider, self.model), self.operation, self.request)


def a_target(provider: str, model: str = "m") -> Target:
    return Target("id", "e", provider, model, "M", 100, credential=SECRET)


def read(folder: Path) -> Transcript:
    """A transcript from its folder."""
    call = orjson.loads((folder / "call.json").read_bytes())
    events = (folder / "vendor.sse").exists()
    reply = folder / ("reply.sse" if events else "reply.json")
    return Transcript(
        provider=folder.parent.name,
        operation=call["operation"],
        model=call["model"],
        request=call["request"],
        path=call["upstream_path"],
        sent=call["upstream_request"],
        answer=(folder / ("vendor.sse" if events else "vendor.json")).read_bytes().strip(b"\n")
        + (b"\n\n" if events else b""),
        reply=reply.read_bytes() if reply.exists() else b"",
        events=events,
        status=call.get("status", 200),
        headers=call.get("headers", {}),
    )


def timeless(data: bytes) -> bytes:
    """Answers without the moment they were made at."""
    return re.sub(rb'"created":\d+', b'"created":0', data)


def translated(translator: EventTranslator, pieces: Iterable[bytes]) -> bytes:
    """What callers get of a vendor's stream that arrives in these pieces."""
    splitter = EventSplitter()
    given = (splitter.feed(piece) for piece in pieces)
    return timeless(b"".join(translator.feed(events) for events in given if events))


def pieces_of(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]
