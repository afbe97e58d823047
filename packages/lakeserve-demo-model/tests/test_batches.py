"""Tokens and the loss mask."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lakeserve_demo_model.training.batches import Example, Packer, encode
from lakeserve_demo_model.training.conversations import any_conversation
from lakeserve_demo_model.training.template import Conversation, ToolCall, Turn, render
from tokenizers import Tokenizer


def learnt_text(tokenizer: Tokenizer, example: Example) -> str:
    ids = [number for number, learn in zip(example.ids, example.learn, strict=True) if learn]
    return str(tokenizer.decode(ids, skip_special_tokens=False))


def test_only_answers_are_learnt(tokenizer: Tokenizer) -> None:
    turns = (
        Turn("system", "Be kind."),
        Turn("user", "hi"),
        Turn("assistant", "Hello!"),
        Turn("user", "bye"),
        Turn("assistant", "Goodbye!"),
    )
    example = encode(tokenizer, Conversation(turns))
    assert learnt_text(tokenizer, example) == "Hello!<|im_end|>Goodbye!<|im_end|>"


def test_calls_are_learnt_and_results_are_not(tokenizer: Tokenizer) -> None:
    turns = (
        Turn("user", "go"),
        Turn("assistant", calls=(ToolCall("add", {"a": 1}),)),
        Turn("tool", "secret"),
        Turn("assistant", "done"),
    )
    assert learnt_text(tokenizer, encode(tokenizer, Conversation(turns))) == (
        '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call><|im_end|>done<|im_end|>'
    )


def test_given_and_foreign_answers_are_not_learnt(tokenizer: Tokenizer) -> None:
    turns = (
        Turn("assistant", "foreign", learn=False),
        Turn("user", "hi"),
        Turn("assistant", '{"a": "b"}', given='{"a": "'),
    )
    assert learnt_text(tokenizer, encode(tokenizer, Conversation(turns))) == 'b"}<|im_end|>'


def test_given_text_must_begin_the_answer(tokenizer: Tokenizer) -> None:
    conversation = Conversation((Turn("user", "hi"), Turn("assistant", "yes", given="no")))
    with pytest.raises(ValueError, match="does not begin"):
        encode(tokenizer, conversation)


@given(rng=st.integers(0, 2**32).map(random.Random))
def test_encoding_keeps_the_text(tokenizer: Tokenizer, rng: random.Random) -> None:
    conversation = any_conversation(rng)
    example = encode(tokenizer, conversation)
    assert tokenizer.decode(example.ids, skip_special_tokens=False) == render(conversation)
    assert len(example.ids) == len(example.learn)
    assert any(example.learn)


@settings(max_examples=5)
@given(rng=st.integers(0, 2**32).map(random.Random))
def test_rows_hold_whole_examples(tokenizer: Tokenizer, rng: random.Random) -> None:
    batch = Packer(tokenizer, rng, rows=2, length=700).next_batch()
    assert batch.ids.shape == batch.positions.shape == batch.learn.shape == (2, 700)
    used = batch.examples >= 0
    assert used.float().mean() > 0.5
    assert not batch.learn[~used].any()
    for row in range(2):
        for number in range(int(batch.examples[row].max()) + 1):
            chosen = batch.examples[row] == number
            positions = batch.positions[row][chosen].tolist()
            assert positions == list(range(len(positions)))
            text = tokenizer.decode(batch.ids[row][chosen].tolist(), skip_special_tokens=False)
            assert text.startswith("<|im_start|>")
            assert text.endswith("<|im_end|>\n")
