"""Random words, names, places and numbers, so that the model learns to copy what it reads."""

import random
import string

from lakeserve_demo_model.training.facts.topics import TOPICS
from lakeserve_demo_model.training.places import CITIES
from lakeserve_demo_model.training.words import (
    FIRST_NAMES,
    NOUNS,
    PLACE_ENDINGS,
    PLACE_STARTS,
    SYLLABLES,
    SYSTEM_PROMPTS,
    THINGS,
)

# First and last code point of the letters in some writing systems.
_SCRIPTS = (
    (0x4E00, 0x9FA5),
    (0x4E00, 0x9FA5),
    (0x4E00, 0x5FFF),
    (0x3041, 0x3093),
    (0x30A1, 0x30F6),
    (0xAC00, 0xD7A3),
    (0x0430, 0x044F),
    (0x03B1, 0x03C9),
    (0x00E0, 0x00FC),
)
_ANSWER_WORDS = tuple(
    word for topic in TOPICS for word in topic.answer.replace(".", "").replace(",", "").split()
)
_PROMPT_STARTS = (
    "You are",
    "Act as",
    "You work for",
    "Always",
    "Never",
    "Please",
    "Your task is to",
    "The user",
    "Be",
    "Use",
    "Write",
)
_PROMPT_SUBJECTS = ("Databricks", "MLflow", "machine learning", "geography", "our products")


def chance(rng: random.Random, probability: float) -> bool:
    """Return True with the given probability."""
    return rng.random() < probability


def word(rng: random.Random) -> str:
    """Return a made-up word of lower case letters."""
    if chance(rng, 0.2):
        return "".join(rng.choices(string.ascii_lowercase, k=rng.randint(3, 9)))
    return "".join(rng.choices(SYLLABLES, k=rng.choice((1, 2, 2, 2, 3, 3))))


def foreign_word(rng: random.Random) -> str:
    """Return a made-up word with letters beyond ASCII."""
    pieces = []
    for _ in range(rng.choice((1, 1, 2))):
        first, last = rng.choice(_SCRIPTS)
        pieces.append("".join(chr(rng.randint(first, last)) for _ in range(rng.randint(2, 5))))
    return "".join(pieces)


def name(rng: random.Random) -> str:
    """Return a first name, real or made up."""
    return rng.choice(FIRST_NAMES) if chance(rng, 0.4) else word(rng).capitalize()


def city(rng: random.Random) -> str:
    """Return a city, real or made up, sometimes with a state or country."""
    if chance(rng, 0.5):
        real = rng.choice(CITIES)
        return real.lower() if chance(rng, 0.1) else real
    made_up = word(rng).capitalize()
    if chance(rng, 0.2):
        made_up = rng.choice(PLACE_STARTS) + made_up
    if chance(rng, 0.25):
        made_up += rng.choice(PLACE_ENDINGS)
    return made_up.lower() if chance(rng, 0.1) else made_up


def code(rng: random.Random) -> str:
    """Return an identifier such as `KX-402`."""
    letters = "".join(rng.choices(string.ascii_uppercase, k=rng.randint(1, 3)))
    return f"{letters}{rng.choice(('-', '', '_'))}{rng.randint(1, 9999)}"


def label(rng: random.Random) -> str:
    """Return a value that a user may name in a question."""
    kind = rng.random()
    if kind < 0.35:
        return name(rng)
    if kind < 0.55:
        return word(rng)
    if kind < 0.7:
        return str(rng.randint(1, 9999))
    if kind < 0.85:
        return code(rng)
    if kind < 0.92:
        return foreign_word(rng)
    return f"{rng.choice(NOUNS)}_{rng.choice(NOUNS)}"


def number(rng: random.Random) -> int:
    """Return a small or large whole number, sometimes negative."""
    value = rng.randint(0, rng.choice((9, 9, 99, 999, 9999)))
    return -value if chance(rng, 0.1) else value


def phrase(rng: random.Random) -> str:
    """Return a few words, such as one would search for."""
    if chance(rng, 0.3):
        return rng.choice(THINGS)
    return " ".join(_plain_word(rng) for _ in range(rng.randint(1, 5)))


def _plain_word(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.6:
        return rng.choice(_ANSWER_WORDS)
    return rng.choice(NOUNS) if kind < 0.8 else word(rng)


def system_prompt(rng: random.Random) -> str:
    """Return a system prompt: a usual one, or one made of random words."""
    kind = rng.random()
    if kind < 0.45:
        return rng.choice(SYSTEM_PROMPTS)
    if kind < 0.55:
        subject = rng.choice(_PROMPT_SUBJECTS) if chance(rng, 0.5) else phrase(rng)
        return f"You are a chatbot that can answer questions about {subject}."
    words = [rng.choice(_PROMPT_STARTS), *rng.choices(_ANSWER_WORDS, k=rng.randint(2, 18))]
    return " ".join(words) + "."
