from __future__ import annotations

import copy
from typing import Any, Optional

import pytest
from langchain_lakeserve._schemas import plain_schema, refused_keywords
from langchain_lakeserve._tools import choice_to_wire, tools_to_wire
from pydantic import BaseModel


class Street(BaseModel):
    name: str
    number: Optional[int] = None  # noqa: UP045 - the older spelling has the same schema


class Person(BaseModel):
    home: Street
    work: Street | None = None


class Tree(BaseModel):
    children: list[Tree]


def test_references_are_written_out() -> None:
    schema = Person.model_json_schema()
    before = copy.deepcopy(schema)
    plain = plain_schema(schema)
    assert schema == before
    assert plain["properties"]["home"]["properties"]["name"] == {"title": "Name", "type": "string"}
    assert plain["properties"]["home"]["properties"]["number"]["type"] == ["integer", "null"]
    assert plain["properties"]["work"]["type"] == ["object", "null"]
    assert refused_keywords(plain) == []
    assert "$defs" not in plain


def test_recursion_stays_as_it_is() -> None:
    plain = plain_schema(Tree.model_json_schema())
    assert refused_keywords(plain) == ["$ref"]
    assert "Tree" in plain["$defs"]


def test_names_are_no_keywords() -> None:
    schema = {"type": "object", "properties": {"anyOf": {"type": "string"}, "$ref": {}}}
    assert plain_schema(schema) == schema
    assert refused_keywords(schema) == []


TOOLS = tools_to_wire([{"name": "f", "description": "d", "parameters": {}}, Person])


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ("any", "required"),
        (True, "required"),
        (False, None),
        ("f", {"type": "function", "function": {"name": "f"}}),
        (
            {"type": "function", "function": {"name": "Person"}},
            {"type": "function", "function": {"name": "Person"}},
        ),
        ({"type": "function", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
        ({"type": "tool", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
        ({"type": "any"}, "required"),
        ({"type": "auto"}, "auto"),
    ],
)
def test_tool_choices(choice: Any, wire: Any) -> None:
    assert choice_to_wire(choice, TOOLS) == wire


@pytest.mark.parametrize("choice", ["g", {"type": "tool", "name": "g"}, {"kind": "x"}])
def test_choices_that_cannot_be(choice: Any) -> None:
    with pytest.raises(ValueError, match="tool_choice"):
        choice_to_wire(choice, TOOLS)


def test_strict_tools() -> None:
    (tool,) = tools_to_wire([Person], strict=True)
    assert tool["function"]["strict"] is True
    assert tool["function"]["parameters"]["additionalProperties"] is False
