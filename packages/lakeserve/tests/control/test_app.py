from typing import Any

import httpx
from lakeserve.control.app import WithoutTrailingSlash


async def test_the_interface_describes_itself(stranger: httpx.AsyncClient) -> None:
    shown = (await stranger.get("/openapi.json")).json()
    assert "/api/2.0/serving-endpoints/{name}" in shown["paths"]


async def test_no_page_loads_anything_from_elsewhere(stranger: httpx.AsyncClient) -> None:
    for path in ("/docs", "/redoc"):
        assert (await stranger.get(path)).status_code == 404


async def test_slashes_at_the_end_do_not_count() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["path"])

    without = WithoutTrailingSlash(app)
    for path in ("/", "//", "/a", "/a/", "/a//", "/a/b/"):
        await without({"type": "http", "path": path}, None, None)  # type: ignore[arg-type]
    assert seen == ["/", "/", "/a", "/a", "/a", "/a/b"]
