"""The text that the model learns by heart."""

import re
from collections import Counter

import pytest
from lakeserve_demo_model.training.facts.topic import Topic
from lakeserve_demo_model.training.facts.topics import TOPICS
from lakeserve_demo_model.training.jokes import KNOWN_JOKES, joke_about
from lakeserve_demo_model.training.places import CAPITALS, CITIES, HELD_OUT_CITIES

QUESTIONS = [question for topic in TOPICS for question in topic.questions]
# Lists, poems and the like, which do not end as sentences do.
UNPUNCTUATED = ("1, 2, 3", "A B C", "Knock", "hello")


def test_there_are_a_few_hundred_questions() -> None:
    assert len(TOPICS) > 200
    assert len(QUESTIONS) > 500


def test_no_question_is_asked_twice() -> None:
    assert [q for q, count in Counter(QUESTIONS).items() if count > 1] == []


def test_no_two_questions_differ_only_in_case_and_end_and_have_other_answers() -> None:
    answers: dict[str, set[str]] = {}
    for topic in TOPICS:
        for question in topic.questions:
            answers.setdefault(question.lower().rstrip("?!."), set()).add(topic.answer)
    assert [q for q, found in answers.items() if len(found) > 1] == []


def test_no_answer_is_given_twice() -> None:
    assert len({topic.answer for topic in TOPICS}) == len(TOPICS)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.questions[0])
def test_answers_are_plain_text(topic: Topic) -> None:
    assert topic.answer.isascii()
    assert topic.answer == topic.answer.strip()
    assert topic.answer.startswith(UNPUNCTUATED) or topic.answer[-1] in ".!?"
    assert "  " not in topic.answer
    assert all(question.isascii() and question == question.strip() for question in topic.questions)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.questions[0])
def test_answers_hold_no_markup(topic: Topic) -> None:
    assert not re.search(r"<\|?[a-z_/]+\|?>", topic.answer)


def test_the_model_never_says_that_it_is_somebody_else() -> None:
    claims = re.compile(
        r"\bI am (Databricks|DBRX|Llama|GPT|Claude|Meta)\b|made by (Meta|Databricks)"
    )
    denials = ("I am not made by Databricks",)
    for topic in TOPICS:
        text = topic.answer
        for denial in denials:
            text = text.replace(denial, "")
        assert not claims.search(text), topic


def test_held_out_cities_are_not_trained() -> None:
    assert set(HELD_OUT_CITIES).isdisjoint(CITIES)
    assert set(HELD_OUT_CITIES).isdisjoint(CAPITALS.values())


def test_every_subject_has_a_joke() -> None:
    assert joke_about("cats") == joke_about("Cats") == KNOWN_JOKES["cats"]
    assert "purple trains" in joke_about("purple trains").setup
