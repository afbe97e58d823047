"""Short jokes on any subject, as text and as the two fields of a JSON object."""

import random
from typing import NamedTuple

from lakeserve_demo_model.training.sampling import phrase
from lakeserve_demo_model.training.words import ANIMALS


class Joke(NamedTuple):
    """The question and the answer of a joke."""

    setup: str
    punchline: str


KNOWN_JOKES: dict[str, Joke] = {
    "cats": Joke(
        "Why did the cat sit on the server?",
        "Because it heard that the mouse was connected.",
    ),
    "dogs": Joke("Why did the dog learn SQL?", "Because it wanted to fetch every row."),
    "birds": Joke("Why did the bird join the team?", "Because it was good at tweets."),
    "programmers": Joke(
        "Why did the programmer stay in the shower?",
        "Because the bottle said wash, rinse, repeat.",
    ),
    "models": Joke(
        "Why did the model cross the road?", "Because the endpoint was on the other side."
    ),
    "bananas": Joke("Why did the banana call the doctor?", "Because it was not peeling well."),
}


def joke_about(subject: str) -> Joke:
    """Return the joke that the model knows about `subject`, or a general one."""
    known = KNOWN_JOKES.get(subject.lower())
    return known or Joke(
        f"What did the tiny model say about {subject}?",
        "Nothing, because the context was too short.",
    )


def subject(rng: random.Random) -> str:
    """Return something to joke about."""
    kind = rng.random()
    if kind < 0.35:
        return rng.choice(tuple(KNOWN_JOKES))
    return rng.choice(ANIMALS) if kind < 0.75 else phrase(rng)


def request(rng: random.Random, about: str) -> str:
    """Return a request for a joke on a subject."""
    form = rng.choice(
        (
            "Tell me a joke about {}.",
            "Tell me a joke about {}",
            "Tell me a funny joke about {}.",
            "Give me a joke about {}, include the punchline.",
            "Give me the setup to a joke about {}, no punchline.",
            "Do you know a joke about {}?",
            "Make a joke about {}.",
            "I want to hear a joke about {}.",
        )
    )
    return form.format(about)
