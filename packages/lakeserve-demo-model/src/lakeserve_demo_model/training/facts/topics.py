"""All questions and answers that the model learns by heart."""

from lakeserve_demo_model.training.facts import (
    computing,
    greetings,
    language_models,
    platform,
    world,
)
from lakeserve_demo_model.training.facts.topic import Topic

TOPICS: tuple[Topic, ...] = (
    greetings.TOPICS + platform.TOPICS + language_models.TOPICS + computing.TOPICS + world.TOPICS
)
