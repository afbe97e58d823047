from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lakeserve.control.bootstrap import (
    ADMINISTRATOR,
    apply_settings,
    configured_clusters,
    succeeding,
)
from lakeserve.core.certificates import present, self_signed
from lakeserve.core.endpoints import Endpoint, LocalModel, ServedEntity
from lakeserve.core.errors import ConfigurationError
from lakeserve.core.identity import token_digest
from lakeserve.settings import Settings
from lakeserve.storage.database import Storage

DBRX = "databricks-dbrx-instruct"


async def applied(storage: Storage, **settings: Any) -> dict[str, Endpoint]:
    await apply_settings(storage, Settings(**settings))
    found = await storage.read(lambda tx: tx.endpoints.all())
    return {endpoint.name: endpoint for endpoint in found}


async def test_a_second_start_changes_nothing(storage: Storage) -> None:
    first = await applied(storage)
    assert first
    assert await applied(storage) == first


async def test_the_token_of_the_settings_is_the_administrators(storage: Storage) -> None:
    for token in ("first-token", "second-token"):
        await applied(storage, token=token)
        principals = await storage.read(lambda tx: tx.identity.principals(1))
        assert principals == {token_digest(token): ADMINISTRATOR}


async def test_a_token_is_made_once(storage: Storage) -> None:
    async def tokens() -> set[str]:
        return set(await storage.read(lambda tx: tx.identity.principals(1)))

    await applied(storage)
    own = Settings(generate_token=True)
    made = await apply_settings(storage, own)
    assert made is not None
    # The development token no longer opens anything.
    assert await tokens() == {token_digest(made)}
    assert await apply_settings(storage, own) is None
    assert await tokens() == {token_digest(made)}
    # An administrator who has lost every token gets another one.
    (facts,) = await storage.read(lambda tx: tx.tokens.of(ADMINISTRATOR.id))
    await storage.write(lambda tx: tx.tokens.delete(facts.id))
    again = await apply_settings(storage, own)
    assert again not in {None, made}
    # A token of the settings stands beside it.
    assert await apply_settings(storage, Settings(token="mine")) is None
    assert await tokens() == {token_digest(str(again)), token_digest("mine")}


async def test_another_model_is_a_new_version_of_the_same_endpoint(storage: Storage) -> None:
    before = (await applied(storage))[DBRX]
    after = (await applied(storage, foundation={DBRX: "http://127.0.0.1:1/v1"}))[DBRX]
    assert (after.id, after.created_at) == (before.id, before.created_at)
    assert (before.config_version, after.config_version) == (1, 2)
    assert (await applied(storage))[DBRX].config_version == 3


async def test_a_name_that_left_the_settings_disappears(storage: Storage) -> None:
    assert "databricks-mine" in await applied(storage, foundation={"databricks-mine": "demo"})
    assert "databricks-mine" not in await applied(storage)


async def test_settings_that_cannot_be_used_change_nothing(storage: Storage) -> None:
    before = await applied(storage)
    with pytest.raises(ConfigurationError):
        await applied(storage, foundation={"mine": "demo"}, token="another-token")
    with pytest.raises(ConfigurationError):
        await applied(storage, clusters={"one": "http://host"}, token="another-token")
    assert await applied(storage) == before


async def test_clusters(storage: Storage, tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    pem, _ = self_signed(["driver"], present())
    authority.write_text(pem)
    clusters = {"a": "127.0.0.1", "b": {"host": "driver", "tls": True, "ca_file": authority}}
    await applied(storage, clusters=clusters)
    first, second = await storage.read(lambda tx: tx.clusters.all())
    assert (first.id, first.host, first.tls, first.ca_pem) == ("a", "127.0.0.1", False, None)
    assert (second.id, second.host, second.tls, second.ca_pem) == ("b", "driver", True, pem)
    assert first.from_settings
    assert first.creator == ADMINISTRATOR.name
    authority.write_text("nonsense")
    with pytest.raises(ConfigurationError, match=r"ca_file: file .* does not hold certificates"):
        await applied(storage, clusters=clusters)


@pytest.mark.parametrize(
    ("clusters", "text"),
    [
        ({"a": "http://host"}, "clusters.a.*'http://host' is not a host name"),
        ({"a/b": "host"}, "clusters.a/b: .*'a/b'; accepted: letters"),
        ({"a": {"host": "h", "ca_file": "/nowhere"}}, "clusters.a.ca_file: file '/nowhere'"),
    ],
)
def test_clusters_that_cannot_be_used(clusters: Any, text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        configured_clusters(Settings(clusters=clusters), 1)


ENTITY = ServedEntity("1", "n", LocalModel("demo"), "m", "d")
STORED = Endpoint("e", "n", "llm/v1/chat", "FOUNDATION_MODEL_API", "c", 1, 2, (ENTITY,), 5)


def test_what_follows_a_stored_endpoint() -> None:
    wanted = replace(STORED, created_at=9, updated_at=9, config_version=1)
    assert succeeding(None, wanted) == wanted
    assert succeeding(STORED, wanted) is None
    described = replace(wanted, description="new")
    assert succeeding(STORED, described) == replace(STORED, description="new", updated_at=9)
    changed = replace(wanted, entities=(replace(ENTITY, backend=LocalModel("minilm")),))
    grown = succeeding(STORED, changed)
    assert grown is not None
    assert (grown.config_version, grown.created_at, grown.updated_at) == (6, 1, 9)
