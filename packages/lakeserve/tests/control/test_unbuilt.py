import httpx
import pytest
from lakeserve.control.unbuilt import UNBUILT, UNBUILT_OAUTH

ROWS = [(method, path, feature) for methods, path, feature in UNBUILT for method in methods]
OAUTH_ROWS = [
    (method, path, feature) for methods, path, feature in UNBUILT_OAUTH for method in methods
]


def concrete(path: str) -> str:
    for pattern in ("{path:path}", "{name}", "{entity}"):
        path = path.replace(pattern, "x")
    return path


@pytest.mark.parametrize(("method", "path", "feature"), ROWS)
async def test_what_is_not_built_says_so(
    client: httpx.AsyncClient, method: str, path: str, feature: str
) -> None:
    reply = await client.request(method, concrete(path), json={})
    assert (reply.status_code, reply.json()["error_code"]) == (501, "NOT_IMPLEMENTED")
    assert feature in reply.json()["message"]
    del client.headers["authorization"]
    reply = await client.request(method, concrete(path), json={})
    assert (reply.status_code, reply.json()["error_code"]) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(("method", "path", "feature"), OAUTH_ROWS)
async def test_oauth_says_so_without_a_token(
    stranger: httpx.AsyncClient, method: str, path: str, feature: str
) -> None:
    reply = await stranger.request(method, path, data={"grant_type": "client_credentials"})
    assert reply.status_code == 501
    assert feature in reply.json()["message"]
    assert reply.json()["error_code"] == "NOT_IMPLEMENTED"
    assert reply.json()["error_description"] == reply.json()["message"]
