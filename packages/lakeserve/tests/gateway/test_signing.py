"""Calls of upstreams whose requests are signed anew."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from gateway.stage import HELLO, Stage, endpoint, open_stage, target
from gateway.strict_upstream import Seen, Step, whole
from lakeserve.core.errors import PermissionDenied

PATH = "/serving-endpoints/signed/invocations"
TOKEN = "minted-token"


class Signer:
    """Signs with what it was asked to sign, so that the upstream can tell."""

    def __init__(self) -> None:
        self.refuses = False

    async def headers(self, url: str, body: bytes) -> tuple[tuple[str, str], ...]:
        if self.refuses:
            raise PermissionDenied("the token service refused")
        return (("authorization", f"Bearer {TOKEN}"), ("x-signed", f"{url} {len(body)}"))

    def conceal(self, text: str) -> str:
        return text.replace(TOKEN, "[REDACTED]")


@pytest.fixture
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path_factory.mktemp("gw")) as opened:
        yield opened


@pytest.fixture
def signer(stage: Stage) -> Signer:
    made = Signer()
    address = stage.directory.now.endpoints["my-external"].targets[0].address
    assert address is not None
    there = replace(address, base_path="/v1")
    stage.add(endpoint("signed", "llm/v1/chat", target("e", there, provider="openai", signer=made)))
    return made


async def test_what_is_sent_is_what_was_signed(stage: Stage, signer: Signer) -> None:
    def script(seen: Seen) -> list[Step]:
        url = f"http://{seen.headers['host']}{seen.target}"
        assert seen.headers["x-signed"] == f"{url} {len(seen.body)}"
        assert seen.headers["authorization"] == f"Bearer {TOKEN}"
        return [whole(200, b'{"choices": []}')]

    stage.vendor.script = script
    answer = await stage.caller.call(PATH, HELLO)
    assert answer.status == 200
    assert len(stage.vendor.seen) == 1


async def test_without_a_signature_nothing_is_sent(stage: Stage, signer: Signer) -> None:
    signer.refuses = True
    answer = await stage.caller.call(PATH, HELLO)
    assert answer.error == (403, "PERMISSION_DENIED", "the token service refused")
    assert stage.vendor.seen == []


async def test_what_was_minted_stays_here(stage: Stage, signer: Signer) -> None:
    stage.vendor.script = lambda _: [whole(400, b'{"error": "saw minted-token"}')]
    answer = await stage.caller.call(PATH, HELLO)
    assert TOKEN.encode() not in answer.body
    assert "saw [REDACTED]" in answer.error[2]
