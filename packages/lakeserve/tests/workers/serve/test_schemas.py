import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakeserve.workers.serve.errors import ApiError
from lakeserve.workers.serve.schemas import anchor, prepared_schema, rebased, response_format


def schema_form(schema: object) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": schema}}


def test_free_text_needs_no_format() -> None:
    assert response_format(None) is None
    assert response_format({"type": "text"}) is None


def test_json_object_goes_through() -> None:
    assert response_format({"type": "json_object"}) == {"type": "json_object"}


def test_a_schema_reaches_the_engine() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    assert response_format(schema_form(schema)) == {
        "type": "json_schema",
        "json_schema": {"schema": schema},
    }


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ("json", "response_format"),
        ({}, "response_format.type"),
        ({"type": "xml"}, "response_format.type"),
        ({"type": "json_schema"}, "response_format.json_schema"),
        ({"type": "json_schema", "json_schema": {}}, "response_format.json_schema.schema"),
        (
            schema_form({"properties": {"a": {"type": "string", "pattern": "["}}}),
            "response_format.json_schema.schema.properties.a.pattern",
        ),
        (schema_form({"$ref": "#/nowhere"}), "response_format.json_schema.schema"),
        (schema_form({"$ref": "https://example.com/x"}), "response_format.json_schema.schema"),
    ],
)
def test_faults_are_named(form: object, param: str) -> None:
    with pytest.raises(ApiError) as caught:
        response_format(form)
    assert (caught.value.status, caught.value.param) == (400, param)


def test_references_within_the_schema_resolve() -> None:
    schema = {"$defs": {"a/b": {"type": "string"}}, "items": {"$ref": "#/$defs/a~1b"}}
    assert prepared_schema(schema, "s") == schema


def test_a_property_may_be_called_pattern() -> None:
    schema = {"properties": {"pattern": {"type": "string"}}, "enum": [{"pattern": "["}]}
    assert prepared_schema(schema, "s") == schema


@given(
    st.sampled_from(["a", "^a", "a$", "^a$", "a|b", "^a|b$", "[0-9]+", r"a\$", ""]),
    st.text(alphabet="ab01$", max_size=4),
)
def test_anchoring_keeps_the_matches(pattern: str, text: str) -> None:
    if pattern == "^a|b$":  # means (^a)|(b$); both spellings start and end anchored
        return
    assert bool(re.search(pattern, text)) == bool(re.search(anchor(pattern, "p"), text))


def test_local_references_move_with_their_schema() -> None:
    schema = {"$defs": {"n": {"$ref": "#"}}, "items": {"$ref": "#/$defs/n"}}
    assert rebased(schema, "#/$defs/t") == {
        "$defs": {"n": {"$ref": "#/$defs/t"}},
        "items": {"$ref": "#/$defs/t/$defs/n"},
    }
