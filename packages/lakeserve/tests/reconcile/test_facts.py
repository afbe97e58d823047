from dataclasses import replace

import pytest
from lakeserve.core.endpoints import Endpoint, EntityState, ExternalModel, Observed, ServedEntity
from lakeserve.core.errors import Unavailable
from lakeserve.core.identity import Principal
from lakeserve.core.tokens import TokenFacts
from lakeserve.reconcile.facts import Facts
from lakeserve.storage.database import Storage
from lakeserve.storage.transaction import Transaction

ANNA = Principal("7", "anna@example.com", "Anna")
BOB = Principal("8", "bob@example.com", "Bob")


def endpoint(name: str) -> Endpoint:
    model = ExternalModel("openai", "gpt-4", {"openai_api_key": "{{secrets/s/k}}"})
    entity = ServedEntity(f"{name}-entity", name, model, "gpt-4", "M.")
    return Endpoint(f"{name}-id", name, "llm/v1/chat", "EXTERNAL_MODEL", "a", 1, 1, (entity,))


def fill(tx: Transaction) -> None:
    for name in ("one", "two"):
        tx.endpoints.save(endpoint(name))
    for user in (ANNA, BOB):
        tx.identity.save_user(user, 1)
    tx.tokens.create(TokenFacts("1" * 64, ANNA.id, "", ANNA.id, 1), "a1")
    tx.tokens.create(TokenFacts("2" * 64, BOB.id, "", BOB.id, 1), "b1")


@pytest.fixture
async def facts(storage: Storage) -> Facts:
    await storage.write(fill)
    made = Facts(storage)
    await made.catch_up()
    return made


async def same_as_stored(facts: Facts, storage: Storage) -> bool:
    afresh = Facts(storage)
    await afresh.catch_up()
    return (afresh.revision, afresh.endpoints, afresh.principals, afresh.clusters) == (
        facts.revision,
        facts.endpoints,
        facts.principals,
        facts.clusters,
    )


async def test_the_first_look_finds_everything(facts: Facts, storage: Storage) -> None:
    assert facts.endpoints["one-id"] == endpoint("one")
    assert facts.principals == {"a1": ANNA, "b1": BOB}
    assert facts.signed is not None
    assert await facts.catch_up() == frozenset()
    assert await same_as_stored(facts, storage)


async def test_only_what_changed_is_read(
    facts: Facts, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> None:
        raise AssertionError("everything was read")

    monkeypatch.setattr("lakeserve.storage.endpoints.EndpointRepository.all", refuse)
    before = facts.endpoints
    await storage.write(lambda tx: tx.endpoints.save(replace(endpoint("one"), description="new")))
    await storage.write(lambda tx: tx.endpoints.delete("two-id"))
    await storage.write(lambda tx: tx.endpoints.save(endpoint("three")))
    assert await facts.catch_up() == {"one-id", "two-id", "three-id"}
    assert facts.endpoints["one-id"].description == "new"
    assert "two-id" not in facts.endpoints
    assert facts.endpoints["three-id"] == endpoint("three")
    assert facts.endpoints["one-id"] is not before["one-id"]
    assert set(before) >= {"one-id", "two-id"}  # what somebody holds does not change
    monkeypatch.undo()
    assert await same_as_stored(facts, storage)


async def test_tokens_and_accounts_come_and_go(facts: Facts, storage: Storage) -> None:
    await storage.write(
        lambda tx: tx.tokens.create(TokenFacts("3" * 64, ANNA.id, "", ANNA.id, 1), "a2")
    )
    await storage.write(lambda tx: tx.tokens.delete("1" * 64))
    assert await facts.catch_up() == frozenset()
    assert set(facts.principals) == {"a2", "b1"}

    await storage.write(lambda tx: tx.identity.save_user(replace(ANNA, admin=True), 1))
    await storage.write(lambda tx: tx.accounts.delete(BOB.id))
    await facts.catch_up()
    assert facts.principals == {"a2": replace(ANNA, admin=True)}
    assert await same_as_stored(facts, storage)


async def test_many_changes_are_read_at_once(
    facts: Facts, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakeserve.reconcile.facts.MOST_KEYS", 2)

    def work(tx: Transaction) -> None:
        for number in range(5):
            token = TokenFacts(f"{number + 10:064}", ANNA.id, "", ANNA.id, 1)
            tx.tokens.create(token, f"t{number}")
            tx.endpoints.save(endpoint(f"n{number}"))

    await storage.write(work)
    changed = await facts.catch_up()
    assert {f"n{number}-id" for number in range(5)} <= changed
    assert await same_as_stored(facts, storage)


async def test_what_was_seen_is_followed_where_wanted(storage: Storage) -> None:
    ready = Observed(EntityState("DEPLOYMENT_READY"))
    await storage.write(fill)
    await storage.write(lambda tx: tx.states.save({"one-entity": ready}, 1))
    facts, blind = Facts(storage, observe=True), Facts(storage)
    assert await facts.catch_up() >= {"one-id", "two-id"}
    await blind.catch_up()
    assert (facts.observed, blind.observed) == ({"one-entity": ready}, {})

    failed = Observed(EntityState("DEPLOYMENT_FAILED", "why"))
    await storage.write(lambda tx: tx.states.save({"two-entity": failed}, 2))
    assert await facts.catch_up() == {"two-id"}
    assert await blind.catch_up() == frozenset()
    assert facts.observed == {"one-entity": ready, "two-entity": failed}


async def test_a_database_that_is_busy_changes_nothing(
    facts: Facts, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(_work: object) -> None:
        raise Unavailable("locked")

    before = facts.endpoints
    await storage.write(lambda tx: tx.endpoints.delete("one-id"))
    with monkeypatch.context() as patched:
        patched.setattr(storage, "read", busy)
        with pytest.raises(Unavailable):
            await facts.catch_up()
    assert facts.endpoints is before
    assert await facts.catch_up() == {"one-id"}
