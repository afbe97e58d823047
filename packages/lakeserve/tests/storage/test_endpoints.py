from dataclasses import replace

from databases import Database
from lakeserve.core.ai_gateway import AiGateway, RateLimit
from lakeserve.core.endpoints import (
    ConfigUpdate,
    Endpoint,
    EntityState,
    LocalModel,
    Notifications,
    Observed,
    OpenAICompatible,
    ServedEntity,
)
from lakeserve.storage.database import Storage
from lakeserve.storage.tables import metadata
from lakeserve.storage.transaction import Transaction

LOCAL = ServedEntity(
    id="1" * 32,
    name="first",
    backend=LocalModel("demo"),
    model_name="lakeserve-demo",
    model_description="Tiny.",
    traffic_percentage=30,
)
ELSEWHERE = ServedEntity(
    id="2" * 32,
    name="second",
    backend=OpenAICompatible("http://127.0.0.1:1/v1", "m", api_key="sk-secret"),
    model_name="m",
    model_description="Elsewhere.",
    start="on-demand",
    traffic_percentage=70,
)
ENDPOINT = Endpoint(
    id="e" * 32,
    name="two-of-them",
    task="llm/v1/chat",
    endpoint_type="CUSTOM_MODEL",
    creator="a@example.com",
    created_at=1,
    updated_at=2,
    entities=(LOCAL, ELSEWHERE),
    config_version=3,
    description="words",
)
STORED = replace(
    ENDPOINT,
    entities=(
        LOCAL,
        replace(ELSEWHERE, backend=OpenAICompatible("http://127.0.0.1:1/v1", "m")),
    ),
)


async def test_an_endpoint_comes_back_without_its_credential(
    storage: Storage, migrated: Database
) -> None:
    await storage.write(lambda tx: tx.endpoints.save(ENDPOINT))

    assert await storage.read(lambda tx: tx.endpoints.all()) == (STORED,)
    assert await storage.read(lambda tx: tx.endpoints.find("two-of-them")) == STORED
    assert await storage.read(lambda tx: tx.endpoints.find("another")) is None
    for table in metadata.tables:
        assert "sk-secret" not in str(migrated.rows(f"SELECT * FROM {table}"))


async def test_saving_replaces_and_deleting_takes_everything(storage: Storage) -> None:
    await storage.write(lambda tx: tx.endpoints.save(ENDPOINT))
    await storage.write(
        lambda tx: tx.states.save({LOCAL.id: Observed(EntityState("DEPLOYMENT_READY"))}, now_ms=1)
    )
    smaller = replace(STORED, entities=STORED.entities[:1], config_version=4)
    await storage.write(lambda tx: tx.endpoints.save(smaller))
    assert await storage.read(lambda tx: tx.endpoints.all()) == (smaller,)

    await storage.write(lambda tx: tx.endpoints.delete(smaller.id))
    assert await storage.read(lambda tx: tx.endpoints.all()) == ()
    assert await storage.read(lambda tx: tx.states.all()) == {}


async def test_endpoints_come_by_name(storage: Storage) -> None:
    def work(transaction: Transaction) -> None:
        for name in ("b", "a", "c"):
            transaction.endpoints.save(replace(ENDPOINT, id=name * 32, name=name, entities=()))

    await storage.write(work)
    found = await storage.read(lambda tx: tx.endpoints.all())
    assert [endpoint.name for endpoint in found] == ["a", "b", "c"]


async def test_what_hangs_on_an_endpoint_comes_back(storage: Storage) -> None:
    update = ConfigUpdate("u" * 32, (STORED.entities[0],), 7)
    whole = replace(
        STORED,
        tags={"a": "1", "b": ""},
        notifications=Notifications(("a@example.com",), ()),
        update=update,
    )
    await storage.write(lambda tx: tx.endpoints.save(whole))
    assert await storage.read(lambda tx: tx.endpoints.find("two-of-them")) == whole

    failed = replace(update, failure="no such secret")
    await storage.write(lambda tx: tx.endpoints.set_update(whole.id, failed))
    await storage.write(lambda tx: tx.endpoints.set_tags(whole.id, {"c": "2"}))
    await storage.write(lambda tx: tx.endpoints.set_notifications(whole.id, Notifications()))
    (found,) = await storage.read(lambda tx: tx.endpoints.all())
    assert found == replace(whole, update=failed, tags={"c": "2"}, notifications=Notifications())


async def test_what_the_gateway_is_to_do_is_replaced_as_a_whole(storage: Storage) -> None:
    limited = AiGateway(rate_limits=(RateLimit("user", 5, None, "a@example.com"),))
    await storage.write(lambda tx: tx.endpoints.save(replace(ENDPOINT, ai_gateway=limited)))
    found = await storage.read(lambda tx: tx.endpoints.find(ENDPOINT.name))
    assert found == replace(STORED, ai_gateway=limited)
    await storage.write(lambda tx: tx.endpoints.set_ai_gateway(ENDPOINT.id, None))
    assert await storage.read(lambda tx: tx.endpoints.find(ENDPOINT.name)) == STORED
