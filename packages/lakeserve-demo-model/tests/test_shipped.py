"""The files in the package."""

import ast
import subprocess
import sys
from pathlib import Path

import lakeserve_demo_model
import pytest
from lakeserve_demo_model import MODEL_NAME, card, model_path

LARGEST_FILE = 8_000_000


def test_the_model_is_small() -> None:
    assert model_path().name == f"{MODEL_NAME}-q8_0.gguf"
    assert model_path().read_bytes()[:4] == b"GGUF"
    assert model_path().stat().st_size < LARGEST_FILE


def test_the_card_says_what_the_model_is() -> None:
    text = card()
    for words in (MODEL_NAME, "not for real use", "Apache", "trained from nothing", "seed"):
        assert words in text


def test_the_door_imports_only_the_standard_library() -> None:
    code = (
        "import sys; before = set(sys.modules); import lakeserve_demo_model; "
        "print({name.split('.')[0] for name in set(sys.modules) - before})"
    )
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {source()!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = ast.literal_eval(result.stdout)
    assert loaded - set(sys.stdlib_module_names) == {"lakeserve_demo_model"}


def source() -> str:
    return str(Path(lakeserve_demo_model.__file__).parents[1])


def test_the_model_answers_and_calls_tools() -> None:
    pytest.importorskip("jinja2")
    pytest.importorskip("xllamacpp")
    from lakeserve_demo_model.training.documented import documented_probes
    from lakeserve_demo_model.training.evaluate import load_engine, received, request_body
    from lakeserve_demo_model.training.probes import asked
    from lakeserve_demo_model.training.questions import answer_to

    engine = load_engine(model_path())
    question = "What is MLflow?"
    answer = received(engine(request_body(asked(question, ""))))
    assert answer == answer_to(question)
    probe = next(probe for probe in documented_probes() if probe.tools)
    assert received(engine(request_body(probe))) == list(probe.expected)
