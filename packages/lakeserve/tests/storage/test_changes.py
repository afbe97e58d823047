from collections.abc import Callable
from dataclasses import replace

import pytest
from lakeserve.core.accounts import Account, Group
from lakeserve.core.changes import EVERYTHING, Changed, Subject
from lakeserve.core.clusters import Cluster
from lakeserve.core.endpoints import (
    ConfigUpdate,
    Endpoint,
    EntityState,
    LocalModel,
    Notifications,
    Observed,
    ServedEntity,
)
from lakeserve.core.grants import Grant
from lakeserve.core.identity import Principal
from lakeserve.core.signed_tokens import SigningKey
from lakeserve.core.tokens import TokenFacts
from lakeserve.storage.database import Storage
from lakeserve.storage.tables import endpoints, metadata, tokens
from lakeserve.storage.transaction import Transaction
from sqlalchemy import insert, update

ENTITY = ServedEntity("s" * 32, "entity", LocalModel("demo"), "m", "M.")
ENDPOINT = Endpoint("e" * 32, "name", "llm/v1/chat", "CUSTOM_MODEL", "a", 1, 1, (ENTITY,))
ANNA = Principal("7", "anna@example.com", "Anna")
BOB = Principal("8", "bob@example.com", "Bob")
TOKEN = TokenFacts("1" * 64, ANNA.id, "first", ANNA.id, 1)
GROUP = Group("5", "team", 1, member_ids=(ANNA.id,))
READY = Observed(EntityState("DEPLOYMENT_READY"))

Work = Callable[[Transaction], object]


def fill(tx: Transaction) -> None:
    tx.endpoints.save(replace(ENDPOINT, grants=(Grant("group", "team", "CAN_QUERY"),)))
    for user in (ANNA, BOB):
        tx.identity.save_user(user, 1)
    tx.tokens.create(TOKEN, "digest")
    tx.accounts.save_group(GROUP)
    tx.grants.replace_on("clusters", "c", [Grant("group", "team", "CAN_ATTACH_TO")])


@pytest.fixture
async def filled(storage: Storage) -> Storage:
    await storage.write(fill)
    return storage


CHANGES: dict[str, tuple[Work, dict[Subject, set[str]]]] = {
    "endpoint saved": (lambda tx: tx.endpoints.save(ENDPOINT), {"endpoint": {ENDPOINT.id}}),
    "endpoint deleted": (
        lambda tx: tx.endpoints.delete(ENDPOINT.id),
        {"endpoint": {ENDPOINT.id}},
    ),
    "tags": (
        lambda tx: tx.endpoints.set_tags(ENDPOINT.id, {"a": "b"}),
        {"endpoint": {ENDPOINT.id}},
    ),
    "notifications": (
        lambda tx: tx.endpoints.set_notifications(ENDPOINT.id, Notifications()),
        {"endpoint": {ENDPOINT.id}},
    ),
    "update": (
        lambda tx: tx.endpoints.set_update(ENDPOINT.id, ConfigUpdate("u", (), 1)),
        {"endpoint": {ENDPOINT.id}},
    ),
    "ai gateway": (
        lambda tx: tx.endpoints.set_ai_gateway(ENDPOINT.id, None),
        {"endpoint": {ENDPOINT.id}},
    ),
    "grants": (lambda tx: tx.grants.replace(ENDPOINT.id, ()), {"endpoint": {ENDPOINT.id}}),
    "grants taken": (
        lambda tx: tx.grants.forget("group", "team"),
        {"endpoint": {ENDPOINT.id}, "cluster": {"c"}},
    ),
    "grants renamed": (
        lambda tx: tx.grants.rename_group("team", "crew"),
        {"endpoint": {ENDPOINT.id}, "cluster": {"c"}},
    ),
    "cluster": (lambda tx: tx.clusters.save(Cluster("c", "host")), {"cluster": {"c"}}),
    "cluster deleted": (lambda tx: tx.clusters.delete("c"), {"cluster": {"c"}}),
    "cluster granted": (
        lambda tx: tx.grants.replace_on("clusters", "c", [Grant("user", "a", "CAN_ATTACH_TO")]),
        {"cluster": {"c"}},
    ),
    "states": (lambda tx: tx.states.save({ENTITY.id: READY}, 1), {"state": {ENTITY.id}}),
    "no states": (lambda tx: tx.states.save({"gone": READY}, 1), {}),
    "token made": (
        lambda tx: tx.tokens.create(replace(TOKEN, id="2" * 64), "another"),
        {"token": {"another"}},
    ),
    "token commented": (lambda tx: tx.tokens.set_comment(TOKEN.id, "w"), {"token": {"digest"}}),
    "token deleted": (lambda tx: tx.tokens.delete(TOKEN.id), {"token": {"digest"}}),
    "token of the settings": (
        lambda tx: tx.identity.set_settings_token(ANNA.id, "set", 1),
        {"token": {"set"}},
    ),
    "user": (lambda tx: tx.identity.save_user(BOB, 1), {"account": {BOB.id}}),
    "account": (
        lambda tx: tx.accounts.save(Account("9", "user", "c", "C", 1)),
        {"account": {"9"}},
    ),
    "account deleted": (lambda tx: tx.accounts.delete(ANNA.id), {"account": {ANNA.id}}),
    "group": (
        lambda tx: tx.accounts.save_group(replace(GROUP, member_ids=(BOB.id,))),
        {"account": {ANNA.id, BOB.id, ""}},
    ),
    "group deleted": (
        lambda tx: tx.accounts.delete_group(GROUP.id),
        {"account": {ANNA.id, ""}},
    ),
    "administrators": (
        lambda tx: tx.accounts.save_group(Group("2", "admins", 0, member_ids=(BOB.id,))),
        {"account": {BOB.id}},
    ),
    "signing key": (
        lambda tx: tx.keys.save_signing_key(SigningKey("k", "pem"), "sealed", 1),
        {"signing": {"k"}},
    ),
    "reading": (lambda tx: tx.endpoints.all(), {}),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_names_what_it_changes(filled: Storage, name: str) -> None:
    work, expected = CHANGES[name]
    before = await filled.read(lambda tx: tx.changes.revision())
    await filled.write(work)
    changed = await filled.read(lambda tx: tx.changes.since(before))
    assert {subject: set(keys) for subject, keys in changed.keys.items()} == expected
    assert changed.revision == before + (1 if expected else 0)


async def test_revisions_grow_and_the_newest_change_of_a_thing_counts(filled: Storage) -> None:
    first = await filled.read(lambda tx: tx.changes.revision())
    await filled.write(lambda tx: tx.endpoints.set_tags(ENDPOINT.id, {"a": "b"}))
    await filled.write(lambda tx: tx.tokens.set_comment(TOKEN.id, "words"))
    await filled.write(lambda tx: tx.endpoints.set_tags(ENDPOINT.id, {}))
    changed = await filled.read(lambda tx: tx.changes.since(first))
    assert changed == Changed(
        first + 3, {"endpoint": frozenset({ENDPOINT.id}), "token": frozenset({"digest"})}
    )
    later = await filled.read(lambda tx: tx.changes.since(first + 2))
    assert later.keys == {"endpoint": frozenset({ENDPOINT.id})}
    assert await filled.read(lambda tx: tx.changes.since(first + 3)) == Changed(first + 3)


async def test_a_write_that_fails_is_no_change(filled: Storage) -> None:
    before = await filled.read(lambda tx: tx.changes.revision())

    def work(tx: Transaction) -> None:
        tx.endpoints.delete(ENDPOINT.id)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await filled.write(work)
    assert await filled.read(lambda tx: tx.changes.revision()) == before


async def test_what_nobody_accounts_for_is_a_change_of_everything(filled: Storage) -> None:
    before = await filled.read(lambda tx: tx.changes.revision())

    def work(tx: Transaction) -> None:
        connection = tx.endpoints._connection
        connection.execute(update(endpoints).values(description="words"))
        connection.execute(update(tokens).values(comment="words"))

    await filled.write(work)
    changed = await filled.read(lambda tx: tx.changes.since(before))
    assert changed.of("endpoint") is None
    assert changed.of("token") is None
    assert changed.of("account") == frozenset()
    assert changed.keys == {
        "endpoint": frozenset({EVERYTHING}),
        "token": frozenset({EVERYTHING}),
    }


async def test_what_is_written_of_calls_is_no_change(filled: Storage) -> None:
    before = await filled.read(lambda tx: tx.changes.revision())
    table = metadata.tables["usage_totals"]
    row = {column.name: 0 if column.type.python_type is not str else "" for column in table.c}
    await filled.write(lambda tx: tx.endpoints._connection.execute(insert(table), row))
    assert await filled.read(lambda tx: tx.changes.revision()) == before


async def test_rows_of_long_ago_are_given_up(
    filled: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakeserve.storage.changes.LOOK_EVERY", 3)
    monkeypatch.setattr("lakeserve.storage.changes.MOST_ROWS", 5)
    before = await filled.read(lambda tx: tx.changes.revision())
    for number in range(6):
        facts = replace(TOKEN, id=f"{number:064}")
        await filled.write(lambda tx, facts=facts: tx.tokens.create(facts, facts.id[-3:]))  # type: ignore[misc]
    changed = await filled.read(lambda tx: tx.changes.since(before))
    assert changed.of("endpoint") is None
    assert changed.of("token") is None
    assert sum(map(len, (await filled.read(lambda tx: tx.changes.since(0))).keys.values())) < 9
