"""The byte-level tokenizer."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakeserve_demo_model.training.tokenizer import (
    CONTROL_TOKENS,
    MARKUP_TOKENS,
    token_id,
    train_tokenizer,
)
from tokenizers import Tokenizer


@given(text=st.text())
def test_every_text_survives(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text


@pytest.mark.parametrize("token", [*CONTROL_TOKENS, *MARKUP_TOKENS])
def test_markup_is_one_token(tokenizer: Tokenizer, token: str) -> None:
    assert tokenizer.encode(f"a{token}b").tokens == ["a", token, "b"]


@given(number=st.integers(0, 10**9))
def test_every_digit_is_a_token(tokenizer: Tokenizer, number: int) -> None:
    assert tokenizer.encode(str(number)).tokens == list(str(number))


def test_size(tokenizer: Tokenizer) -> None:
    assert tokenizer.get_vocab_size() == 640


def test_too_little_text_for_the_size() -> None:
    with pytest.raises(ValueError, match="instead of 5000"):
        train_tokenizer(random.Random(0), size=5000, samples=5)


def test_unknown_token(tokenizer: Tokenizer) -> None:
    with pytest.raises(KeyError):
        token_id(tokenizer, "<|nothing|>")
