import asyncio

from lakeserve.core.request_context import current_request


async def test_an_id_ends_with_its_task() -> None:
    async def serve(name: str) -> str:
        current_request.set(name)
        await asyncio.sleep(0)
        return current_request.get()

    tasks = [asyncio.create_task(serve(name)) for name in "ab"]
    assert await asyncio.gather(*tasks) == ["a", "b"]
    assert current_request.get() == ""
