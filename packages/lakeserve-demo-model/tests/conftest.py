"""A tokenizer that all tests of the training share."""

import random
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Without the extra `train` only the shipped files can be tested.
if not all(find_spec(name) for name in ("gguf", "jinja2", "numpy", "tokenizers", "torch")):
    collect_ignore = [
        path.name for path in Path(__file__).parent.glob("test_*.py") if "shipped" not in path.name
    ]


@pytest.fixture(scope="session")
def tokenizer() -> "Tokenizer":
    from lakeserve_demo_model.training.tokenizer import train_tokenizer

    return train_tokenizer(random.Random(0), size=640, samples=400)
