import re
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakeserve.workers.serve.errors import ApiError
from lakeserve.workers.serve.tools import (
    ForcedCallReader,
    ToolUse,
    call_id,
    forced_call_fields,
    forced_call_schema,
    read_tool_use,
)


def tool(name: str = "f", **function: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **function}}


def test_call_ids_look_like_openais() -> None:
    assert re.fullmatch(r"call_[A-Za-z0-9]{24}", call_id())
    assert call_id() != call_id()


def test_choices_of_tools() -> None:
    tools = [tool("f"), tool("g")]
    assert read_tool_use({}) == ToolUse()
    assert read_tool_use({"tools": tools}).forced == ()
    assert read_tool_use({"tools": tools, "tool_choice": "auto"}).forced == ()
    assert read_tool_use({"tools": tools, "tool_choice": "required"}).forced == ("f", "g")
    assert read_tool_use({"tools": tools, "tool_choice": tool("g")}).forced == ("g",)
    assert read_tool_use({"tools": tools, "tool_choice": "none"}).tools == ()
    assert read_tool_use({"tools": tools, "parallel_tool_calls": False}).parallel is False


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"tools": {}}, "tools"),
        ({"tools": [tool()] * 2}, "tools"),
        ({"tools": [tool(f"f{at}") for at in range(33)]}, "tools"),
        ({"tools": [{"type": "magic"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [tool("two words")]}, "tools[0].function.name"),
        ({"tools": [tool("x" * 65)]}, "tools[0].function.name"),
        ({"tools": [tool(description=1)]}, "tools[0].function.description"),
        ({"tools": [tool(parameters=[])]}, "tools[0].function.parameters"),
        ({"tools": [tool(parameters={"$ref": "#/x"})]}, "tools[0].function.parameters"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [tool()], "tool_choice": "any"}, "tool_choice"),
        ({"tools": [tool()], "tool_choice": {"type": "x"}}, "tool_choice.type"),
        ({"tools": [tool()], "tool_choice": tool("g")}, "tool_choice.function.name"),
    ],
)
def test_faults_are_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(ApiError) as caught:
        read_tool_use(body)
    assert (caught.value.status, caught.value.param) == (400, param)


def test_the_schema_of_one_forced_tool() -> None:
    parameters = {"$defs": {"n": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/n"}}}
    use = read_tool_use({"tools": [tool(parameters=parameters)], "tool_choice": "required"})
    schema = forced_call_schema(use)
    assert schema["properties"]["name"] == {"const": "f"}
    assert schema["properties"]["arguments"] == {"$ref": "#/$defs/arguments0"}
    inner = schema["$defs"]["arguments0"]
    assert inner["properties"]["a"] == {"$ref": "#/$defs/arguments0/$defs/n"}


def test_the_schema_of_several_tools_names_each() -> None:
    use = read_tool_use({"tools": [tool("f"), tool("g")], "tool_choice": "required"})
    calls = forced_call_schema(use)["anyOf"]
    assert [call["properties"]["name"]["const"] for call in calls] == ["f", "g"]


ARGUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(alphabet='ab{}", \\', max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab}", max_size=2), inner),
    max_leaves=6,
)


@given(
    st.dictionaries(st.text("ab}", max_size=2), ARGUMENTS, max_size=3),
    st.lists(st.integers(1, 9), min_size=1),
    st.sampled_from(["", " ", "\n  "]),
    st.booleans(),
)
def test_a_forced_call_is_read_however_it_is_cut(
    arguments: dict[str, Any], sizes: list[int], space: str, tagged: bool
) -> None:
    inner = orjson.dumps(arguments).decode()
    text = f'{space}{{{space}"name":{space}"f",{space}"arguments":{space}{inner}{space}}}{space}'
    if tagged:
        text = f"<tool_call>{space}{text}</tool_call>"
    reader = ForcedCallReader()
    deltas = []
    at = 0
    while at < len(text):
        size = sizes[at % len(sizes)]
        deltas += reader.feed(text[at : at + size])
        at += size
    first, *rest = deltas
    assert first["function"] == {"name": "f", "arguments": ""}
    assert "".join(part["function"]["arguments"] for part in rest) == inner


def test_a_model_that_tags_its_calls_is_kept_to_its_own_form() -> None:
    use = read_tool_use({"tools": [tool()], "tool_choice": "required"})
    tagged = forced_call_fields(use, "... <tool_call>\n{...")
    assert '"<tool_call>\\n" call' in tagged["grammar"]
    assert tagged["tool_choice"] == "none"
    for template in (None, "{{ messages }}", "<tool_call><function=f>"):
        assert set(forced_call_fields(use, template)) == {"response_format"}


def test_nothing_is_said_before_the_name_is_known() -> None:
    reader = ForcedCallReader()
    assert reader.feed('{"name": "f", "argu') == []
    assert [delta["function"] for delta in reader.feed('ments": {"a"')] == [
        {"name": "f", "arguments": ""},
        {"arguments": '{"a"'},
    ]
