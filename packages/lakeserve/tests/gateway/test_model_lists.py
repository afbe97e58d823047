"""Lists of models."""

from dataclasses import replace
from typing import Any

import pytest
from gateway.stage import Stage, endpoint, target
from lakeserve.core.ai_gateway import AiGateway, GuardrailRules
from lakeserve.core.grants import Grantees

OPENAI = "/ai-gateway/openai/v1/models"
ANTHROPIC = "/ai-gateway/anthropic/v1/models"
NOBODY = Grantees()


async def get(stage: Stage, path: str, **more: Any) -> Any:
    answer = await stage.caller.call(path, method="GET", **more)
    assert answer.status == 200, answer.body
    return answer.json()


def add_claudes(stage: Stage, *names: str) -> None:
    for name in names:
        entity = target(f"{name}-1", None, provider="anthropic", model_name="Claude")
        made = endpoint(name, "llm/v1/chat", entity)
        stage.add(replace(made, endpoint_type="EXTERNAL_MODEL"))


@pytest.mark.parametrize("path", [OPENAI, "/ai-gateway/mlflow/v1/models"])
async def test_in_the_words_of_openai(stage: Stage, path: str) -> None:
    stage.add(endpoint("custom", None, target("c", None)))  # type: ignore[arg-type]
    stage.add(endpoint("agent", "agent/v1/responses", target("a", None, provider="mlflow")))
    stage.add(endpoint("empty", "llm/v1/chat"))
    listed = await get(stage, path)
    assert listed["object"] == "list"
    names = ["agent", "my-chat", "my-completions", "my-embeddings", "my-external"]
    assert [each["id"] for each in listed["data"]] == names
    one = {"id": "my-external", "object": "model", "created": 0, "owned_by": "openai"}
    assert listed["data"][-1] == one
    assert await get(stage, f"{path}/my-external") == one


async def test_only_what_the_caller_may_query(stage: Stage) -> None:
    seen = stage.directory.now.endpoints["my-chat"]
    stage.add(replace(seen, callers=NOBODY))
    listed = await get(stage, OPENAI)
    assert "my-chat" not in [each["id"] for each in listed["data"]]
    for name in ("my-chat", "nothing"):
        answer = await stage.caller.call(f"{OPENAI}/{name}", method="GET")
        assert answer.error[:2] == (404, "RESOURCE_DOES_NOT_EXIST")


async def test_in_the_words_of_anthropic(stage: Stage) -> None:
    add_claudes(stage, "c1", "c2")
    rules = AiGateway(input_rules=GuardrailRules(invalid_keywords=("x",)))
    stage.govern("c2", rules)  # which cannot be kept at this interface
    only = {
        "type": "model",
        "id": "c1",
        "display_name": "Claude",
        "created_at": "1970-01-01T00:00:00Z",
    }
    expected = {"data": [only], "has_more": False, "first_id": "c1", "last_id": "c1"}
    assert await get(stage, ANTHROPIC) == expected
    assert await get(stage, "/serving-endpoints/anthropic/v1/models/c1") == only
    stage.govern("c1", rules)
    nothing = {"data": [], "has_more": False, "first_id": None, "last_id": None}
    assert await get(stage, ANTHROPIC) == nothing


@pytest.mark.parametrize(
    ("query", "names", "has_more"),
    [
        ("limit=2", "ab", True),
        ("limit=2&after_id=b", "cd", True),
        ("limit=2&after_id=d", "e", False),
        ("limit=2&before_id=d", "bc", True),
        ("limit=5&before_id=d", "abc", False),
        ("after_id=b&before_id=d", "c", False),
    ],
)
async def test_pages(stage: Stage, query: str, names: str, has_more: bool) -> None:
    add_claudes(stage, *"edcba")
    listed = await get(stage, f"{ANTHROPIC}?{query}")
    assert "".join(each["id"] for each in listed["data"]) == names
    assert listed["has_more"] is has_more
    assert (listed["first_id"], listed["last_id"]) == (names[0], names[-1])


@pytest.mark.parametrize("limit", ["0", "1001", "x", "-1", "9999", "1" + "0" * 5000])
async def test_no_page(stage: Stage, limit: str) -> None:
    answer = await stage.caller.call(f"{ANTHROPIC}?limit={limit}", method="GET")
    assert answer.error[:2] == (400, "BAD_REQUEST")


async def test_who_asks_and_how(stage: Stage) -> None:
    refused = await stage.caller.call(OPENAI, {})
    assert (refused.status, refused.headers["allow"]) == (405, "GET")
    assert (await stage.caller.call(OPENAI, method="GET", authorization=None)).status == 401
    key = {"x-api-key": "dapi-lakeserve-development"}
    assert await get(stage, ANTHROPIC, authorization=None, headers=key)
    assert stage.ledger.records == []
