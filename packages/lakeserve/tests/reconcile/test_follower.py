from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from lakeserve.core.endpoints import (
    Address,
    ConfigUpdate,
    Endpoint,
    EntityState,
    ExternalModel,
    Observed,
    ServedEntity,
    Target,
)
from lakeserve.core.errors import Unavailable
from lakeserve.core.identity import Principal
from lakeserve.core.tokens import TokenFacts
from lakeserve.reconcile.credentials.aws import AwsSignatures
from lakeserve.reconcile.follower import Follower
from lakeserve.reconcile.supervisor import Supervisor
from lakeserve.settings import Settings
from lakeserve.storage.database import Storage

Until = Callable[[Callable[[], bool]], Awaitable[None]]

OLD, NEW = "{{secrets/s/old}}", "{{secrets/s/new}}"
READY = EntityState("DEPLOYMENT_READY")
SOCKET = Address(uds="/run/worker.sock")


def entity(entity_id: str, reference: str) -> ServedEntity:
    model = ExternalModel("openai", "gpt-4", {"openai_api_key": reference})
    return ServedEntity(entity_id, entity_id, model, "gpt-4", "M.")


CHAT = Endpoint(
    "chat-id", "chat", "llm/v1/chat", "EXTERNAL_MODEL", "a", 1, 1, (entity("old", OLD),)
)


@pytest.fixture
async def follower(storage: Storage, settings: Settings, secrets: Any) -> AsyncIterator[Follower]:
    secrets.known = {OLD: "sk-old", NEW: "sk-new"}
    await storage.write(lambda tx: tx.endpoints.save(CHAT))
    made = Follower(storage, settings, secrets, reaches_workers=True, poll_s=0.01)
    await made.start()
    yield made
    await made.stop()


def target(follower: Follower, name: str) -> Target:
    (only,) = follower.snapshot().endpoints[name].targets
    return only


async def test_it_shows_what_the_platform_shows(
    follower: Follower, supervisor: Supervisor, until: Until
) -> None:
    await supervisor.start()
    await supervisor.eager_ready(lambda line: None, timeout_s=2)
    await until(lambda: follower.snapshot() == supervisor.snapshot())
    assert target(follower, "chat").credential == "sk-old"
    assert target(follower, "first").address == SOCKET
    assert target(follower, "elsewhere").credential == "sk-secret"


async def test_requests_are_signed_as_the_platform_signs_them(
    follower: Follower, storage: Storage, until: Until
) -> None:
    options = {
        "aws_region": "us-east-1",
        "bedrock_provider": "amazon",
        "aws_access_key_id": OLD,
        "aws_secret_access_key": NEW,
    }
    model = ExternalModel("amazon-bedrock", "titan", options)
    signed = ServedEntity("signed", "signed", model, "titan", "M.")
    made = replace(CHAT, id="signed-id", name="signed", entities=(signed,))
    await storage.write(lambda tx: tx.endpoints.save(made))
    await until(lambda: "signed" in follower.snapshot().endpoints)
    await until(lambda: target(follower, "signed").failure is None)
    found = target(follower, "signed")
    assert found.credential is None
    assert isinstance(found.signer, AwsSignatures)


async def test_changes_are_found(follower: Follower, storage: Storage, until: Until) -> None:
    anna = Principal("7", "anna", "Anna")
    await storage.write(lambda tx: tx.identity.save_user(anna, 1))
    await storage.write(lambda tx: tx.tokens.create(TokenFacts("1" * 64, "7", "", "7", 1), "d"))
    await until(lambda: follower.snapshot().principals == {"d": anna})
    await storage.write(lambda tx: tx.tokens.delete("1" * 64))
    await until(lambda: follower.snapshot().principals == {})
    await storage.write(lambda tx: tx.endpoints.delete("chat-id"))
    await until(lambda: "chat" not in follower.snapshot().endpoints)


async def test_an_update_counts_when_the_platform_has_brought_it_into_force(
    follower: Follower, storage: Storage, until: Until
) -> None:
    update = ConfigUpdate("u", (entity("new", NEW),), 1)
    await storage.write(lambda tx: tx.endpoints.set_update("chat-id", update))
    await follower.catch_up()
    assert target(follower, "chat").credential == "sk-old"
    in_force = replace(CHAT, entities=update.entities, config_version=2)
    await storage.write(lambda tx: tx.endpoints.save(in_force))
    await until(lambda: target(follower, "chat").entity_id == "new")
    assert (target(follower, "chat").credential, target(follower, "chat").failure) == (
        "sk-new",
        None,
    )


async def test_a_secret_that_cannot_be_read_now_is_tried_again(
    follower: Follower,
    storage: Storage,
    secrets: Any,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lakeserve.reconcile.deployments.RETRY_S", 0.01)
    secrets.error = Unavailable("locked")
    other = replace(CHAT, id="other-id", name="other", entities=(entity("other", NEW),))
    await storage.write(lambda tx: tx.endpoints.save(other))
    await until(lambda: "other" in follower.snapshot().endpoints)
    assert target(follower, "other").failure is not None
    secrets.error = None
    await until(lambda: target(follower, "other").credential == "sk-new")


async def test_workers_are_reached_on_their_own_machine_only(
    storage: Storage, settings: Settings, secrets: Any
) -> None:
    seen = {"first-entity": Observed(READY, (SOCKET, SOCKET))}
    await storage.write(lambda tx: tx.states.save(seen, 1))
    for near in (True, False):
        follower = Follower(storage, settings, secrets, reaches_workers=near)
        await follower.start()
        first = target(follower, "first")
        assert (first.address, first.others) == ((SOCKET, (SOCKET,)) if near else (None, ()))
        assert target(follower, "second").address is None
        await follower.stop()


async def test_a_database_that_is_gone_leaves_what_was_known(
    follower: Follower,
    storage: Storage,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("lakeserve.reconcile.follower.FAILED_POLL_S", 0.01)
    read = storage.read
    problems: list[Exception] = [Unavailable("gone"), RuntimeError("a fault")]

    async def fails(work: Any) -> Any:
        if problems:
            raise problems.pop(0)
        return await read(work)

    with monkeypatch.context() as patched:
        patched.setattr(storage, "read", fails)
        await until(lambda: not problems)
        assert target(follower, "chat").credential == "sk-old"
    assert "going on with what was last read" in caplog.text
    await storage.write(lambda tx: tx.endpoints.delete("chat-id"))
    await until(lambda: "chat" not in follower.snapshot().endpoints)
