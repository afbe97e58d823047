"""From every released schema, with data in it, to the newest one."""

import pytest
from databases import Database
from lakeserve.core.crypto import decrypt
from lakeserve.core.endpoints import ExternalModel, LocalModel
from lakeserve.core.grants import Grant
from lakeserve.core.identity import token_digest
from lakeserve.storage.database import Storage
from lakeserve.storage.schema import NEWEST
from released_schemas import (
    ADMIN_ID,
    ANNA,
    ANNAS_TOKEN,
    EXTERNAL,
    LOCAL,
    LOCAL_ENTITY,
    ROBOT,
    SEALED,
    SECRET,
    Release,
    revisions,
)


def test_every_released_schema_is_known() -> None:
    assert revisions()[0] == "0001"
    assert revisions()[-1] == NEWEST


@pytest.mark.parametrize("revision", revisions())
async def test_nothing_is_lost_on_the_way_to_the_newest_schema(
    database: Database, revision: str
) -> None:
    release = Release(database)
    release.build(revision)
    storage = await database.open()
    assert database.rows("SELECT version_num FROM alembic_version") == [(NEWEST,)]
    await check_first_tables(storage)
    if revision >= "0002":
        await check_secrets(storage, release)
    if revision >= "0003":
        await check_external_endpoint(storage, release, revision)
    if revision >= "0006":
        (cluster,) = await storage.read(lambda tx: tx.clusters.all())
        assert (cluster.id, cluster.host, cluster.creator) == ("0000-2", "127.0.0.1", ANNA)
        assert cluster.grants == (Grant("group", "team", "CAN_ATTACH_TO"),)
    # What is written now is found by those who follow the changes.
    before = await storage.read(lambda tx: tx.changes.revision())
    await storage.write(lambda tx: tx.endpoints.set_tags(LOCAL, {"new": "tag"}))
    changed = await storage.read(lambda tx: tx.changes.since(before))
    assert changed.of("endpoint") == frozenset({LOCAL})
    await storage.close()


async def check_first_tables(storage: Storage) -> None:
    principals = await storage.read(lambda tx: tx.identity.principals(100))
    assert principals[token_digest(ANNAS_TOKEN)].name == ANNA
    assert (principals["of the settings"].id, principals["of the settings"].admin) == (
        ADMIN_ID,
        True,
    )
    local = await storage.read(lambda tx: tx.endpoints.with_id(LOCAL))
    assert local is not None
    assert (local.name, local.config_version, local.description) == ("local", 3, "words")
    (entity,) = local.entities
    assert entity.backend == LocalModel("demo")
    states = await storage.read(lambda tx: tx.states.all())
    assert states[LOCAL_ENTITY].deployment == "DEPLOYMENT_READY"


async def check_secrets(storage: Storage, release: Release) -> None:
    found = await storage.read(lambda tx: tx.secrets.find("scope", "key"))
    assert found is not None
    data_key, ciphertext = found
    raw = release.keys.unwrap(data_key)
    assert decrypt(raw, ciphertext, "secret scope key").decode() == SECRET
    principals = await storage.read(lambda tx: tx.identity.principals(100))
    assert principals[token_digest(ANNAS_TOKEN)].groups == ("team",)
    robots = await storage.read(lambda tx: tx.identity.service_principals())
    assert set(robots) == {ROBOT}
    assert len(await storage.read(lambda tx: tx.audit.newest(10))) == 1


async def check_external_endpoint(storage: Storage, release: Release, revision: str) -> None:
    endpoint = await storage.read(lambda tx: tx.endpoints.with_id(EXTERNAL))
    assert endpoint is not None
    assert endpoint.tags == {"team": "a"}
    assert endpoint.update is not None
    assert endpoint.update.failure == "gpt-5: no such secret"
    by_reference, sealed = (entity.backend for entity in endpoint.entities)
    assert isinstance(by_reference, ExternalModel)
    assert by_reference.options["openai_api_key"] == "{{secrets/scope/key}}"
    assert isinstance(sealed, ExternalModel)
    _, key_id, ciphertext = sealed.sealed["openai_api_key"].split(":", 2)
    data_key = await storage.read(lambda tx: tx.keys.data_key(key_id))
    assert data_key is not None
    raw = release.keys.unwrap(data_key)
    assert decrypt(raw, ciphertext, f"sealed {key_id}").decode() == SEALED
    granted = (Grant("group", "team", "CAN_QUERY"),) if revision >= "0004" else ()
    assert endpoint.grants == granted
    if revision >= "0005":
        assert endpoint.ai_gateway is not None
        assert endpoint.ai_gateway.rate_limits[0].calls == 100
