from typing import Any

import pytest
from fastapi import FastAPI
from lakeserve.control.document import EVERYWHERE
from lakeserve.control.unbuilt import UNBUILT
from lakeserve.core.external_models import FORMS

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
def document(app: FastAPI) -> Any:
    return app.openapi()


def test_every_operation_has_its_errors(document: Any) -> None:
    for path, operations in document["paths"].items():
        assert set(operations) <= METHODS, path
        for operation in operations.values():
            assert {str(status) for status in EVERYWHERE} <= set(operation["responses"]), path
            assert "422" not in operation["responses"]


def test_what_is_not_built_is_there(document: Any) -> None:
    for methods, path, _ in UNBUILT:
        shown = document["paths"][path.replace("{path:path}", "{path}")]
        assert {method.lower() for method in methods} <= set(shown)


def test_the_data_plane_is_there(document: Any) -> None:
    operation = document["paths"]["/serving-endpoints/{name}/invocations"]["post"]
    assert set(operation["responses"]["200"]["content"]) == {
        "application/json",
        "text/event-stream",
    }
    assert {"429", "502", "504"} <= set(operation["responses"])
    assert operation["parameters"][0]["name"] == "name"


def test_every_reference_leads_somewhere(document: Any) -> None:
    schemas = document["components"]["schemas"]

    def references(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
            return own.union(*map(references, value.values()))
        return set().union(*map(references, value)) if isinstance(value, list) else set()

    assert references(document) <= {f"#/components/schemas/{name}" for name in schemas}


def test_only_what_asks_for_no_token_names_none(document: Any) -> None:
    for path, operations in document["paths"].items():
        is_open = path.startswith(("/health", "/.well-known/", "/oidc/"))
        for operation in operations.values():
            assert ("security" not in operation) == is_open, path


def test_the_document_is_made_once(app: FastAPI) -> None:
    assert app.openapi() is app.openapi()


def test_blocks_of_providers(document: Any) -> None:
    properties = document["components"]["schemas"]["ExternalModelInput"]["properties"]
    assert properties["provider"]["enum"] == list(FORMS)
    custom = properties["custom_provider_config"]["anyOf"][0]["properties"]
    assert custom["bearer_token_auth"]["properties"]["token_plaintext"] == {"type": "string"}
