"""The MLflow registry behind the gateway."""

from collections.abc import AsyncIterator

import pytest
from gateway.stage import Stage
from gateway.strict_upstream import LAST_CHUNK, StrictUpstream, chunk, chunked_head, whole
from lakeserve.core.ports import REGISTRY_ID

CREATE = "/api/2.0/mlflow/registered-models/create"
FILES = "/api/2.0/mlflow-artifacts/artifacts/1/models/m/artifacts/a%20b"


@pytest.fixture
async def registry(stage: Stage) -> AsyncIterator[StrictUpstream]:
    server = StrictUpstream()
    stage.activator.addresses[REGISTRY_ID] = await server.listen_unix(str(stage.folder / "r"))
    yield server
    await stage.gateway.aclose(1)
    await server.aclose()
    assert server.faults == []


async def test_a_call(stage: Stage, registry: StrictUpstream) -> None:
    registry.script = lambda _: [whole(200, b'{"a": 1}', "application/json", ("set-cookie", "a=b"))]
    answer = await stage.caller.call(CREATE, {"name": "iris"}, headers={"cookie": "s=1"})
    assert (answer.status, answer.body) == (200, b'{"a": 1}')
    assert "set-cookie" not in answer.headers
    (seen,) = registry.seen
    assert (seen.method, seen.target, seen.json()) == ("POST", CREATE, {"name": "iris"})
    assert seen.headers["host"] == "localhost"
    assert not {"authorization", "cookie"} & seen.headers.keys()
    assert stage.activator.asked == [REGISTRY_ID]


async def test_files_pass_as_they_are(stage: Stage, registry: StrictUpstream) -> None:
    head = chunked_head("application/octet-stream")
    registry.script = lambda _: [head, chunk(b"\0\1"), chunk(b"\2"), LAST_CHUNK]
    large = b"x" * 5_000_000  # longer than what endpoints take
    answer = await stage.caller.call(FILES, large, method="PUT")
    assert answer.body == b"\0\1\2"
    (seen,) = registry.seen
    assert (seen.method, seen.target, seen.body) == ("PUT", FILES, large)


async def test_refusals_are_the_registrys_own(stage: Stage, registry: StrictUpstream) -> None:
    registry.script = lambda _: [whole(404, b'{"error_code": "RESOURCE_DOES_NOT_EXIST"}')]
    answer = await stage.caller.call(CREATE, {})
    assert (answer.status, answer.body) == (404, b'{"error_code": "RESOURCE_DOES_NOT_EXIST"}')


async def test_a_token_is_needed(stage: Stage, registry: StrictUpstream) -> None:
    answer = await stage.caller.call(CREATE, {}, authorization=None)
    assert answer.status in {401, 403}
    assert registry.seen == []


async def test_a_registry_that_breaks_off(stage: Stage, registry: StrictUpstream) -> None:
    registry.script = lambda _: ["close"]
    answer = await stage.caller.call(CREATE, {})
    assert answer.status == 502
    assert "The MLflow registry failed" in answer.json()["message"]


async def test_without_a_registry(stage: Stage) -> None:
    answer = await stage.caller.call(CREATE, {})
    assert (answer.status, answer.headers["retry-after"]) == (503, "2")
