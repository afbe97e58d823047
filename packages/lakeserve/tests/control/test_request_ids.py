import httpx


async def test_each_answer_has_its_own(client: httpx.AsyncClient) -> None:
    paths = (
        "/api/2.0/serving-endpoints",
        "/api/2.0/serving-endpoints/none",
        "/nowhere",
        "/metrics",
    )
    ids = [(await client.get(path)).headers["x-request-id"] for path in paths]
    assert len(set(ids)) == len(paths)
