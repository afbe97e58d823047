from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from gateway.caller import Caller
from gateway.strict_upstream import (
    LAST_CHUNK,
    Seen,
    Step,
    StrictUpstream,
    chunk,
    chunked_head,
    whole,
)
from lakeserve.core.endpoints import Address
from lakeserve.gateway.control_proxy import ControlProxy, NoControl

PATH = "/api/2.0/serving-endpoints/a%20b?page_token=1"


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[StrictUpstream]:
    upstream = StrictUpstream()
    await upstream.listen_unix(str(tmp_path / "platform.sock"))
    yield upstream
    assert upstream.faults == []
    await upstream.aclose()


@pytest.fixture
async def proxy(platform: StrictUpstream, tmp_path: Path) -> AsyncIterator[ControlProxy]:
    made = ControlProxy(Address(uds=str(tmp_path / "platform.sock")), 1000)
    yield made
    made.close()


async def test_a_call_goes_through_as_it_came(
    proxy: ControlProxy, platform: StrictUpstream
) -> None:
    platform.script = lambda _: [
        whole(409, b'{"error_code": "X"}', "application/json", ("x-more", "1"), ("date", "then"))
    ]
    answer = await Caller(proxy).call(
        PATH,
        {"a": 1},
        method="PUT",
        headers={"host": "lake.example:8400", "x-forwarded-for": "6.6.6.6", "connection": "x"},
    )
    assert (answer.status, answer.json()) == (409, {"error_code": "X"})
    assert answer.headers["x-more"] == "1"
    assert "date" not in answer.headers
    (seen,) = platform.seen
    assert (seen.method, seen.target, seen.json()) == ("PUT", PATH, {"a": 1})
    assert seen.headers["host"] == "lake.example:8400"
    assert seen.headers["authorization"].startswith("Bearer ")
    # Only what the gateway itself knows of the caller counts.
    assert "x-forwarded-for" not in seen.headers
    assert seen.headers["x-forwarded-proto"] == "http"


async def test_the_callers_address_is_told(proxy: ControlProxy, platform: StrictUpstream) -> None:
    async def from_somewhere(scope: object, receive: object, send: object) -> None:
        await proxy({**scope, "client": ("10.1.2.3", 5)}, receive, send)  # type: ignore[dict-item, arg-type]

    assert (await Caller(from_somewhere).call(PATH, method="GET")).status == 200
    assert platform.seen[0].headers["x-forwarded-for"] == "10.1.2.3"


async def test_connections_are_kept(proxy: ControlProxy, platform: StrictUpstream) -> None:
    for _ in range(5):
        assert (await Caller(proxy).call(PATH, method="GET")).status == 200
    assert platform.opened == 1


async def test_a_long_answer_passes_in_parts(proxy: ControlProxy, platform: StrictUpstream) -> None:
    def parts(_: Seen) -> list[Step]:
        return [chunked_head("text/plain"), *(chunk(b"x" * 1000) for _ in range(100)), LAST_CHUNK]

    platform.script = parts
    answer = await Caller(proxy).call(PATH, method="GET")
    assert answer.body == b"x" * 100_000
    assert answer.finished


async def test_an_answer_that_breaks_off_stays_unfinished(
    proxy: ControlProxy, platform: StrictUpstream
) -> None:
    platform.script = lambda _: [chunked_head("text/plain"), chunk(b"half"), "close"]
    answer = await Caller(proxy).call(PATH, method="GET")
    assert (answer.status, answer.finished) == (200, False)


async def test_a_platform_that_is_gone(tmp_path: Path) -> None:
    proxy = ControlProxy(Address(uds=str(tmp_path / "nobody.sock")), 1000)
    answer = await Caller(proxy).call(PATH, {})
    assert answer.error[:2] == (503, "TEMPORARILY_UNAVAILABLE")
    assert answer.headers["retry-after"] == "1"
    proxy.close()


async def test_a_body_that_is_too_long(proxy: ControlProxy, platform: StrictUpstream) -> None:
    assert (await Caller(proxy).call(PATH, b"x" * 1001)).status == 413
    assert platform.seen == []


async def test_a_target_that_cannot_be_written(proxy: ControlProxy) -> None:
    answer = await Caller(proxy).call("/api/\u00e9\r\n", {})
    assert answer.status == 400


async def test_a_gateway_that_knows_no_platform() -> None:
    answer = await Caller(NoControl()).call(PATH, {})
    assert answer.error[0] == 503
    assert "--control-url" in answer.error[2]
