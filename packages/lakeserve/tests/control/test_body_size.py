from collections.abc import AsyncIterator

import httpx
import pytest
from lakeserve.settings import Settings

PATH = "/api/2.0/token/create"
LIMIT = int(Settings.model_fields["max_request_bytes"].default)


async def in_parts(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 65536 + 1):
        yield b" " * 65536


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_that_is_too_long(client: httpx.AsyncClient, declared: bool) -> None:
    body = b" " * (LIMIT + 1) if declared else in_parts(LIMIT)
    reply = await client.post(PATH, content=body)
    assert (reply.status_code, reply.json()["error_code"]) == (413, "BAD_REQUEST")
    assert f"longer than {LIMIT} bytes" in reply.json()["message"]


async def test_a_body_of_just_the_limit(client: httpx.AsyncClient) -> None:
    reply = await client.post(PATH, content=b"{" + b" " * (LIMIT - 2) + b"}")
    assert reply.status_code == 200


async def test_a_length_that_is_none(client: httpx.AsyncClient) -> None:
    reply = await client.post(PATH, content=b"{}", headers={"content-length": "x"})
    assert reply.status_code == 200
