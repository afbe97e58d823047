"""A tokenizer that all tests of the training share."""

import random
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# What the extra `train` installs beyond the package; tests without it are left out.
NEEDS = {
    "test_batches.py": ("jinja2", "tokenizers", "torch"),
    "test_conversations.py": ("jinja2",),
    "test_evaluate.py": ("jinja2",),
    "test_network.py": ("torch",),
    "test_questions.py": ("jinja2",),
    "test_template.py": ("jinja2",),
    "test_tokenizer.py": ("jinja2", "tokenizers"),
    "test_training.py": ("gguf", "jinja2", "numpy", "tokenizers", "torch"),
}
collect_ignore = [
    test for test, modules in NEEDS.items() if not all(find_spec(name) for name in modules)
]


@pytest.fixture(scope="session")
def tokenizer() -> "Tokenizer":
    from lakeserve_demo_model.training.tokenizer import train_tokenizer

    return train_tokenizer(random.Random(0), size=640, samples=400)
