import contextlib
from pathlib import Path

from gateway.caller import Caller
from lakeserve.app.data_plane import open_gateway, open_guardrails
from lakeserve.control.bootstrap import apply_settings
from lakeserve.core.ports import Snapshot
from lakeserve.gateway.fake import FakeActivator, FixedDirectory
from lakeserve.reconcile.books import PlatformBooks
from lakeserve.reconcile.facts import Facts
from lakeserve.reconcile.replica import READY
from lakeserve.reconcile.routing import Seen, routable
from lakeserve.settings import Settings
from lakeserve.storage.database import open_storage


async def test_calls_are_written_down_and_moved_into_the_tables(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    async with contextlib.AsyncExitStack() as stack:
        storage = await open_storage(settings)
        stack.push_async_callback(storage.close)
        await apply_settings(storage, settings)
        facts = Facts(storage)
        await facts.catch_up()
        (endpoint,) = (e for e in facts.endpoints.values() if e.name.endswith("dbrx-instruct"))
        shown = routable(endpoint, {entity.id: Seen(READY) for entity in endpoint.entities}, None)
        directory = FixedDirectory(Snapshot({shown.name: shown}, facts.principals))
        books = PlatformBooks(storage, settings)
        stack.push_async_callback(books.stop)
        books.start()
        gateway = await open_gateway(
            *(stack, settings, storage, directory, FakeActivator(), open_guardrails(settings)),
            is_one_of_several=True,
        )
        stack.push_async_callback(gateway.aclose, 1.0)
        body = {"messages": [{"role": "user", "content": "Hello"}]}
        answer = await Caller(gateway).call(f"/serving-endpoints/{shown.name}/invocations", body)
        assert answer.status == 503
    storage = await open_storage(settings)
    (total,) = await storage.read(lambda tx: tx.usage.totals("endpoint"))
    assert (total.key, total.calls, total.failed_calls) == (shown.name, 1, 1)
    await storage.close()
