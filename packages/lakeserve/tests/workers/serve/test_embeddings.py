import base64
import struct
from collections.abc import Sequence
from typing import Any

import pytest
from workers.asgi_caller import Call, call
from workers.scripted_engine import ScriptedEngine, serving, too_long, vectors


async def embed(engine: ScriptedEngine, **fields: Any) -> Call:
    with serving(engine, "embedding") as app:
        return await call(app, "/v1/embeddings", fields)


async def test_the_order_of_the_inputs_is_kept() -> None:
    texts = ["x" * length for length in range(1, 41)]
    body = (await embed(ScriptedEngine(), input=texts)).json()
    assert [entry["index"] for entry in body["data"]] == list(range(40))
    assert [entry["embedding"][1] for entry in body["data"]] == list(range(1, 41))
    assert body["usage"] == {"prompt_tokens": 820, "total_tokens": 820}
    assert (body["object"], body["model"]) == ("list", "model")


@pytest.mark.parametrize("value", ["a", ["a"], [1], [[1]]])
async def test_every_form_of_one_input(value: object) -> None:
    body = (await embed(ScriptedEngine(), input=value)).json()
    assert [entry["embedding"] for entry in body["data"]] == [[0.0, 1.0]]


async def test_base64_is_little_endian_32_bit() -> None:
    body = (await embed(ScriptedEngine(), input="abc", encoding_format="base64")).json()
    packed = base64.b64decode(body["data"][0]["embedding"])
    assert struct.unpack("<2f", packed) == (0.0, 3.0)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "input"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": ["a", ""]}, "input[1]"),
        ({"input": [[]]}, "input[0]"),
        ({"input": [1, "a"]}, "input[0]"),
        ({"input": [5]}, "input[0]"),
        ({"input": [[-1]]}, "input[0]"),
        ({"input": ["a"] * 151}, "input"),
        ({"input": 3}, "input"),
        ({"input": "a", "dimensions": 3}, "dimensions"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "a", "instruction": 1}, "instruction"),
        ({"input": "a", "prompt": 1}, "prompt"),
    ],
)
async def test_refusals_name_the_field(fields: dict[str, Any], param: str) -> None:
    reply = await embed(ScriptedEngine(), **fields)
    assert (reply.status, reply.json()["error"]["param"]) == (400, param)


async def test_the_models_own_dimensions_are_accepted() -> None:
    assert (await embed(ScriptedEngine(), input="a", dimensions=2)).status == 200


async def test_an_instruction_goes_before_the_text() -> None:
    engine = ScriptedEngine()
    await embed(engine, input="a", instruction="query:")
    assert engine.embedded == [["query: a"]]


async def test_texts_that_are_too_long_are_cut_to_the_window() -> None:
    def answer(inputs: Sequence[str | list[int]]) -> dict[str, Any]:
        longest = max(len(item) + 2 * isinstance(item, str) for item in inputs)
        return too_long(longest, 100) if longest > 100 else vectors(inputs)

    engine = ScriptedEngine()
    engine.embed_answer = answer
    body = (await embed(engine, input=["a" * 500, "b"])).json()
    first, second = engine.embedded[1]
    assert first == [2, *[1] * 98, 3], "the closing token keeps its place"
    assert second == [2, 1, 3]
    assert body["usage"]["prompt_tokens"] == 103


async def test_a_fault_of_the_engine_is_a_500() -> None:
    engine = ScriptedEngine()
    engine.embed_answer = lambda _: {"error": {"code": 500, "message": "lost", "type": "x"}}
    assert (await embed(engine, input="a")).status == 500
