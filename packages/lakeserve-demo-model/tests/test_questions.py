"""Questions and answers for conversations without tools."""

import json
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakeserve_demo_model.training import questions
from lakeserve_demo_model.training.facts.topics import TOPICS

seeds = st.integers(0, 2**32).map(random.Random)


@given(seeds)
def test_every_pair_has_a_question_and_an_answer(rng: random.Random) -> None:
    pair = questions.any_pair(rng)
    assert pair.question.strip()
    assert pair.answer.startswith(pair.given)
    assert len(pair.answer) > len(pair.given)


@given(seeds)
def test_sums_are_right(rng: random.Random) -> None:
    a, b, result = map(int, re.findall(r"\d+", questions.small_sum(rng).answer))
    assert a + b == result
    assert 0 <= a <= 10
    assert 0 <= b <= 10


@given(seeds)
@pytest.mark.parametrize(
    "make",
    [questions.json_extraction, questions.json_capital, questions.json_joke, questions.json_answer],
)
def test_json_answers_are_json(make, rng: random.Random) -> None:  # type: ignore[no-untyped-def]
    assert isinstance(json.loads(make(rng).answer), dict)


@given(seeds)
def test_unknown_questions_get_the_honest_answer(rng: random.Random) -> None:
    assert questions.unknown(rng).answer == questions.UNKNOWN
    assert questions.out_of_scope(rng).answer == questions.UNKNOWN


@given(seeds)
def test_frequent_questions_have_the_answers_of_their_topics(rng: random.Random) -> None:
    assert questions.frequent(rng).answer in {topic.answer for topic in TOPICS}


def test_answer_to_an_unknown_question() -> None:
    with pytest.raises(KeyError):
        questions.answer_to("What is a frobnicator?")


@pytest.mark.parametrize(
    ("country", "answer"),
    [
        ("Japan", "The capital of Japan is Tokyo."),
        ("the USA", "The capital of the USA is Washington, D.C."),
    ],
)
def test_capital_answers_end_with_one_full_stop(country: str, answer: str) -> None:
    assert questions.capital_answer(country) == answer


@given(seeds, st.text(min_size=1))
def test_variations_keep_the_words(rng: random.Random, text: str) -> None:
    bare = text.rstrip("?!.").lower()
    assert bare in questions.varied(rng, text).lower()
    assert abs(len(questions.with_typo(rng, text)) - len(text)) <= 1


def test_only_definitions_are_rephrased() -> None:
    rng = random.Random(1)
    asked = {questions.rephrased(rng, "What is a token?") for _ in range(300)}
    assert {"What is a token?", "What does token mean?", "Explain a token"} <= asked
    assert questions.rephrased(rng, "hello") == "hello"
