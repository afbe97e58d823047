from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from lakeserve.control.errors import from_status, invalid_parameter
from lakeserve.core.errors import Unavailable, UnknownApi
from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    number: int = 0


@pytest.fixture
def with_probes(app: FastAPI) -> FastAPI:
    @app.post("/probe/body")
    async def body(content: Body) -> dict[str, object]:
        return {"name": content.name}

    @app.get("/probe/fault")
    async def fault() -> None:
        raise ZeroDivisionError("a secret detail")

    @app.get("/probe/later")
    async def later() -> None:
        raise Unavailable("Later.", retry_after=3)

    return app


@pytest.mark.parametrize("path", ["/nothing", "/api/2.0/nothing", "/docs", "/"])
async def test_an_unknown_path(client: httpx.AsyncClient, path: str) -> None:
    reply = await client.get(path)
    assert reply.status_code == 404
    assert reply.json() == {
        "error_code": "ENDPOINT_NOT_FOUND",
        "message": f"No API found for 'GET {path}'",
    }


async def test_a_method_that_a_path_does_not_have(client: httpx.AsyncClient) -> None:
    reply = await client.delete("/health")
    assert (reply.status_code, reply.json()["error_code"]) == (405, "BAD_REQUEST")
    assert "DELETE" in reply.json()["message"]
    assert reply.headers["allow"] == "GET"


@pytest.mark.usefixtures("with_probes")
async def test_a_fault_shows_nothing_of_itself(client: httpx.AsyncClient) -> None:
    reply = await client.get("/probe/fault")
    assert (reply.status_code, reply.json()["error_code"]) == (500, "INTERNAL_ERROR")
    assert "secret" not in reply.text
    assert "Error" not in reply.json()["message"]


@pytest.mark.usefixtures("with_probes")
async def test_when_to_come_back(client: httpx.AsyncClient) -> None:
    reply = await client.get("/probe/later")
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "3")
    assert reply.json() == {"error_code": "TEMPORARILY_UNAVAILABLE", "message": "Later."}


@pytest.mark.usefixtures("with_probes")
@pytest.mark.parametrize(
    ("content", "text"),
    [
        ('{"name": "a", "other": 1}', "Unknown field 'other'."),
        ("{}", "Field 'name' is required."),
        ('{"name": "a", "number": "many"}', "Field 'number' has the value 'many': Input should"),
        ('{"name": 3}', "Field 'name' has the value 3"),
        ('{"name": ', "not valid JSON"),
        ('{"name": "a", "number": "%s"}' % ("1" * 500 + "x"), "..."),
        ('{"name": ["sk-secret"]}', "Field 'name' has a list: Input should be"),
        ('{"name": {"key": "sk-secret"}}', "Field 'name' has an object: Input should be"),
        ("", "Field 'body' is required."),
    ],
)
async def test_a_body_that_cannot_be_used(
    client: httpx.AsyncClient, content: str, text: str
) -> None:
    for kind in ("application/json", "text/json"):
        reply = await client.post("/probe/body", content=content, headers={"content-type": kind})
        assert (reply.status_code, reply.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        assert set(reply.json()) == {"error_code", "message"}
        if kind == "application/json":
            assert text in reply.json()["message"]
            assert len(reply.json()["message"]) < 300
            assert "sk-secret" not in reply.text


@pytest.mark.parametrize(("status", "code"), [(400, 400), (413, 400), (500, 500), (404, 404)])
def test_statuses_of_the_framework(status: int, code: int) -> None:
    assert from_status(status, "GET", "/x").status == code


def test_unknown_paths_name_themselves() -> None:
    assert isinstance(from_status(404, "GET", "/x"), UnknownApi)


def test_the_first_problem_is_told() -> None:
    problem: dict[str, Any] = {"loc": ("body", "a", 0), "type": "t", "input": 1, "msg": "No"}
    told = invalid_parameter(RequestValidationError([problem]))
    assert told.message == "Field 'a.0' has the value 1: No."
