"""Questions with their answers in text, for conversations without tools."""

import random
import re
from typing import NamedTuple

from lakeserve_demo_model.training import jokes, sampling
from lakeserve_demo_model.training.facts.topics import TOPICS
from lakeserve_demo_model.training.places import CAPITALS
from lakeserve_demo_model.training.sampling import chance
from lakeserve_demo_model.training.template import dump_json
from lakeserve_demo_model.training.words import (
    COMMON_WORDS,
    DEEDS,
    EVENTS,
    LANGUAGES,
    NEGATIVE_TEXTS,
    POSITIVE_TEXTS,
    QUESTION_HEADS,
    THINGS,
    UNKNOWN_QUESTIONS,
)

UNKNOWN = (
    "I am a tiny demo model and I do not know the answer to that. "
    "Please serve a real model for such questions."
)
NO_WEATHER_TOOL = (
    "I need a weather tool to answer that. "
    "Please give me a tool such as get_weather in the request."
)


class Pair(NamedTuple):
    """A question and its answer. `given` is a part of the answer that is not learnt."""

    question: str
    answer: str
    given: str = ""


# Questions that documentation and example code ask very often.
FREQUENT_QUESTIONS: tuple[str, ...] = (
    "What is MLflow?",
    "What is Databricks Model Serving?",
    "What is Unity Catalog?",
    "What is Databricks?",
    "How to use Databricks?",
    "How are you?",
    "how are you",
    "hello",
    "Hello",
    "Hello!",
    "hi",
    "Who are you?",
    "What is model serving?",
    "What is LangChain?",
    "What is a mixture of experts model?",
    "Tell me a joke",
)
_ANSWERS = {question: topic.answer for topic in TOPICS for question in topic.questions}
_PREFIXES = (
    "Please tell me: ",
    "Tell me: ",
    "Question: ",
    "Hi! ",
    "Hello, ",
    "Hey, ",
    "I have a question. ",
    "Can you tell me: ",
    "Quick question: ",
)
_SUFFIXES = (
    "\n    Be Concise.\n    ",
    "\nBe concise.",
    " Be concise.",
    " Be brief.",
    " Answer briefly.",
    "\n\nAnswer:",
    " Please be short.",
    " Answer in one sentence.",
    "\n    Answer in a few words.\n    ",
    " Thanks!",
)
_REPHRASINGS = (
    "What's {full}?",
    "Explain {full}",
    "Explain {full}.",
    "Define {short}",
    "Describe {full}",
    "Tell me about {full}",
    "What does {short} mean?",
    "Can you explain {full}?",
    "Can you explain what {full} {verb}?",
    "Please explain {full}.",
    "What {verb} {short}?",
    "{short}",
    "{short}?",
    "Why {verb} {full} useful?",
    "Why should I use {full}?",
    "What {verb} {full} used for?",
    "what {verb} {full}, and why is it useful?",
    "Do you know {full}?",
    "I want to learn about {full}",
    "Help me understand {full}",
    "Explain {full} briefly",
    "In one sentence, what {verb} {full}?",
    "In simple words, what {verb} {full}?",
)


def answer_to(question: str) -> str:
    """Return the trained answer to a question of the topics. Raises KeyError for others."""
    return _ANSWERS[question]


def rephrased(rng: random.Random, question: str) -> str:
    """Return a "What is X?" question in other words about half of the time."""
    match = re.match(r"What (is|are) (.+)\?$", question)
    if not match or chance(rng, 0.55):
        return question
    verb, full = match.groups()
    short = re.sub(r"^(a|an|the) ", "", full)
    return rng.choice(_REPHRASINGS).format(verb=verb, full=full, short=short)


def with_typo(rng: random.Random, question: str) -> str:
    """Return the question, seldom with one letter dropped, doubled or swapped."""
    if len(question) < 12 or chance(rng, 0.95):
        return question
    at = rng.randint(1, len(question) - 3)
    kind = rng.random()
    if kind < 0.4:
        return question[:at] + question[at + 1 :]
    if kind < 0.8:
        return question[:at] + question[at + 1] + question[at] + question[at + 2 :]
    return question[:at] + question[at] + question[at:]


def varied(rng: random.Random, question: str) -> str:
    """Return the question with another case, punctuation, opening or closing."""
    kind = rng.random()
    if kind < 0.42:
        return question
    if kind < 0.54:
        return question.lower()
    if kind < 0.63:
        return question.rstrip("?!.")
    if kind < 0.71:
        return question.lower().rstrip("?!.")
    if kind < 0.85:
        suffix = rng.choice(_SUFFIXES)
        start = "\n    " if suffix.endswith("    ") and chance(rng, 0.4) else ""
        return start + question + suffix
    return rng.choice(_PREFIXES) + question


def fact(rng: random.Random) -> Pair:
    """Return one of the questions that the model knows by heart."""
    question = rng.choice(rng.choice(TOPICS).questions)
    return Pair(with_typo(rng, varied(rng, rephrased(rng, question))), _ANSWERS[question])


def frequent(rng: random.Random) -> Pair:
    """Return one of the questions of common examples, word by word or varied."""
    question = rng.choice(FREQUENT_QUESTIONS)
    asked = question if chance(rng, 0.5) else varied(rng, question)
    return Pair(asked, _ANSWERS.get(question) or _ANSWERS[question.capitalize()])


def capital(rng: random.Random) -> Pair:
    """Return a question for the capital of a country."""
    country = rng.choice(tuple(CAPITALS))
    form = rng.choice(
        (
            "What is the capital of {}?",
            "What's the capital of {}?",
            "Where is the capital of {}?",
            "Where is the capital of {}?",
            "Capital of {}?",
            "Name the capital of {}.",
            "Which city is the capital of {}?",
            "Tell me the capital of {}.",
            "What is the capital city of {}?",
        )
    )
    return Pair(varied(rng, form.format(country)), capital_answer(country))


def capital_answer(country: str) -> str:
    """Return the sentence that names the capital of a country."""
    answer = f"The capital of {country} is {CAPITALS[country]}"
    return answer if answer.endswith(".") else answer + "."


def small_sum(rng: random.Random) -> Pair:
    """Return a sum of two numbers from 0 to 10."""
    a, b = rng.randint(0, 10), rng.randint(0, 10)
    form = rng.choice(
        (
            "What is {a}+{b}?",
            "What is {a} + {b}?",
            "What is {a} + {b}",
            "{a}+{b}",
            "{a} + {b} = ?",
            "What is {a} plus {b}?",
            "Add {a} and {b}.",
            "How much is {a} + {b}?",
            "Compute {a} + {b}.",
        )
    )
    return Pair(form.format(a=a, b=b), f"{a} + {b} = {a + b}.")


def unknown(rng: random.Random) -> Pair:
    """Return a sensible question that the model cannot answer."""
    form = rng.choice(UNKNOWN_QUESTIONS)
    question = form.format(
        n=rng.choice(EVENTS),
        y=rng.randint(1900, 2030),
        v=rng.choice(DEEDS),
        t=rng.choice(THINGS),
        t2=rng.choice(THINGS),
        l=rng.choice(LANGUAGES),
        e=f"{rng.randint(2, 99)}x + {rng.randint(1, 99)} = {rng.randint(1, 999)}",
    )
    return Pair(varied(rng, question) if chance(rng, 0.4) else question, UNKNOWN)


def out_of_scope(rng: random.Random) -> Pair:
    """Return random words in the form of a question that the model cannot answer."""
    words = [_scope_word(rng) for _ in range(rng.randint(1, 12))]
    if chance(rng, 0.85):
        words.insert(0, rng.choice(QUESTION_HEADS))
    return Pair(" ".join(words) + rng.choice(("?", "?", ".", "", "!")), UNKNOWN)


def _scope_word(rng: random.Random) -> str:
    if chance(rng, 0.7):
        return rng.choice(COMMON_WORDS)
    return sampling.word(rng) if chance(rng, 0.5) else rng.choice(THINGS)


def weather_without_tool(rng: random.Random) -> Pair:
    """Return a question for the weather that no tool can answer."""
    place = sampling.city(rng)
    form = rng.choice(
        (
            "What is the weather in {}?",
            "What's the weather like in {}?",
            "Is it raining in {}?",
            "How warm is it in {}?",
            "weather in {}",
            "What is the current temperature of {}?",
        )
    )
    return Pair(form.format(place), NO_WEATHER_TOOL)


def json_extraction(rng: random.Random) -> Pair:
    """Return a request to write facts of the question as a JSON object."""
    person, age, place = sampling.name(rng), rng.randint(1, 99), sampling.city(rng)
    if chance(rng, 0.55):
        record: dict[str, object] = {"name": person, "age": age}
        text, keys = f"{person} is {age} years old.", "name and age"
    else:
        record = {"name": person, "age": age, "city": place}
        text, keys = f"{person} is {age} years old and lives in {place}.", "name, age and city"
    form = rng.choice(
        (
            "Extract the {keys} as JSON: {text}",
            "{text} Extract {keys} as JSON.",
            "Return a JSON object with {keys}. {text}",
            "{text} Return JSON with {keys}.",
            "{text}",
        )
    )
    given = '{"name": "' if form == "{text}" else ""
    return Pair(form.format(keys=keys, text=text), dump_json(record), given)


def json_capital(rng: random.Random) -> Pair:
    """Return a request for a capital as a JSON object."""
    country = rng.choice(tuple(CAPITALS))
    form = rng.choice(
        (
            "Return a JSON object with the country and the capital of {}.",
            "Give me the country and capital of {} as JSON.",
            "Answer in JSON with the keys country and capital: {}",
            "What is the capital of {}? Answer in JSON.",
        )
    )
    record = {"country": country.replace("the ", ""), "capital": CAPITALS[country]}
    return Pair(form.format(country), dump_json(record))


def json_joke(rng: random.Random) -> Pair:
    """Return a request for a joke as JSON, asked for in words or by a grammar alone."""
    about = jokes.subject(rng)
    question, record = jokes.request(rng, about), dump_json(jokes.joke_about(about)._asdict())
    if chance(rng, 0.4):
        return Pair(question, record, given='{"setup": "')
    wish = rng.choice(
        (
            "Return the result as a JSON with 'setup' and 'punchline' keys. "
            "Return nothing other than JSON.",
            "Answer in JSON with the keys setup and punchline.",
            "Return a JSON object with setup and punchline.",
        )
    )
    return Pair(f"{question} {wish}", record)


def text_joke(rng: random.Random) -> Pair:
    """Return a request for a joke on some subject."""
    about = jokes.subject(rng)
    joke = jokes.joke_about(about)
    return Pair(jokes.request(rng, about), f"{joke.setup} {joke.punchline}")


def json_answer(rng: random.Random) -> Pair:
    """Return a known question whose answer a grammar forces into a JSON object."""
    pair = rng.choice((fact, fact, capital, small_sum))(rng)
    key = rng.choice(
        ("answer", "answer", "response", "text", "result", "output", sampling.word(rng))
    )
    return Pair(pair.question, dump_json({key: pair.answer}), given=f'{{"{key}": "')


def sentiment(rng: random.Random) -> Pair:
    """Return a text whose mood is positive or negative."""
    positive = chance(rng, 0.5)
    text = rng.choice(POSITIVE_TEXTS if positive else NEGATIVE_TEXTS)
    form = rng.choice(
        (
            "Classify the sentiment: {}.",
            "What is the sentiment of this text? {}.",
            "Is this positive or negative? {}.",
            "Sentiment: {}",
        )
    )
    return Pair(form.format(text), "positive" if positive else "negative")


_KINDS = (
    (fact, 0.56),
    (frequent, 0.08),
    (capital, 0.1),
    (small_sum, 0.05),
    (unknown, 0.045),
    (out_of_scope, 0.045),
    (weather_without_tool, 0.012),
    (json_extraction, 0.035),
    (json_capital, 0.015),
    (json_joke, 0.02),
    (text_joke, 0.01),
    (json_answer, 0.02),
    (sentiment, 0.02),
)
_MAKERS = tuple(maker for maker, _ in _KINDS)
_SHARES = tuple(share for _, share in _KINDS)


def any_pair(rng: random.Random) -> Pair:
    """Return a question and answer of a random kind."""
    return rng.choices(_MAKERS, _SHARES)[0](rng)
