"""Whose calls of an endpoint are answered."""

from dataclasses import replace
from typing import Any

import pytest
from gateway.caller import Answer
from gateway.stage import CHAT, HELLO, Stage, endpoint, target
from lakeserve.core.grants import Grantees
from lakeserve.core.identity import Principal, token_digest
from lakeserve.gateway.plan import MISSING_ENDPOINT

MISSING = (404, "RESOURCE_DOES_NOT_EXIST", MISSING_ENDPOINT)
ADMINS = Grantees(groups=frozenset({"admins"}))
CLOSED = "/serving-endpoints/closed"
PATHS: tuple[tuple[str, dict[str, Any]], ...] = (
    (f"{CLOSED}/invocations", HELLO),
    (f"{CLOSED}/served-models/closed-1/invocations", HELLO),
    (CHAT, {**HELLO, "model": "closed"}),
    (CHAT, {**HELLO, "model": "closed", "stream": True}),
)


def close(stage: Stage, callers: Grantees, viewers: Grantees = ADMINS) -> None:
    """Let these call and see the endpoint ``closed``."""
    open_one = endpoint("closed", "llm/v1/chat", target("closed-1", stage.worker_address))
    stage.add(replace(open_one, callers=callers, viewers=viewers))


def let_in(stage: Stage, *groups: str) -> None:
    """Make Anna known, with the groups that she is in."""
    anna = Principal("7", "anna", "Anna", groups=groups)
    principals = {**stage.directory.now.principals, token_digest("annas"): anna}
    stage.directory.now = replace(stage.directory.now, principals=principals)


async def as_anna(stage: Stage, path: str, body: dict[str, Any]) -> Answer:
    return await stage.caller.call(path, body, headers={"authorization": "Bearer annas"})


@pytest.mark.parametrize(("path", "body"), PATHS)
async def test_an_endpoint_of_others_does_not_exist(
    stage: Stage, path: str, body: dict[str, Any]
) -> None:
    let_in(stage, "team")
    close(stage, ADMINS)
    hidden = await as_anna(stage, path, body)
    assert hidden.error == MISSING
    missing = await as_anna(stage, path.replace("closed", "none"), {**body, "model": "none"})
    ours = {name: value for name, value in hidden.headers.items() if "request-id" not in name}
    assert hidden.body == missing.body
    assert ours == {name: value for name, value in missing.headers.items() if name in ours}
    assert stage.worker.seen == []
    await stage.caller.call(path, body)
    assert len(stage.worker.seen) == 1


@pytest.mark.parametrize(("path", "body"), PATHS)
async def test_who_may_only_view_is_told_so(stage: Stage, path: str, body: dict[str, Any]) -> None:
    let_in(stage)
    close(stage, ADMINS, Grantees(accounts=frozenset({"anna"})))
    denied = (403, "PERMISSION_DENIED", "anna does not have CAN_QUERY on 'closed'.")
    assert (await as_anna(stage, path, body)).error == denied
    assert stage.worker.seen == []


@pytest.mark.parametrize(
    ("callers", "groups"),
    [
        (Grantees(accounts=frozenset({"anna"})), ()),
        (Grantees(groups=frozenset({"team"})), ("other", "team")),
        (Grantees(groups=frozenset({"users"})), ()),
    ],
)
async def test_grants_count_from_the_next_snapshot_on(
    stage: Stage, callers: Grantees, groups: tuple[str, ...]
) -> None:
    path, body = PATHS[0]
    let_in(stage, *groups)
    close(stage, callers)
    assert (await as_anna(stage, path, body)).status == 200
    close(stage, ADMINS)
    assert (await as_anna(stage, path, body)).error == MISSING


async def test_leaving_a_group_counts_from_the_next_snapshot_on(stage: Stage) -> None:
    path, body = PATHS[0]
    close(stage, Grantees(groups=frozenset({"team"})))
    let_in(stage, "team")
    assert (await as_anna(stage, path, body)).status == 200
    let_in(stage)
    assert (await as_anna(stage, path, body)).error == MISSING
