"""A whole run in small: tokenizer, steps, checkpoint, GGUF file."""

import json
from pathlib import Path

import gguf
import pytest
from lakeserve_demo_model.training import __main__ as program
from lakeserve_demo_model.training.loop import Plan, learning_rate
from lakeserve_demo_model.training.network import Shape
from lakeserve_demo_model.training.run import run_training
from lakeserve_demo_model.training.template import CHAT_TEMPLATE

SHAPE = Shape(
    vocabulary=640, hidden=64, layers=2, heads=4, key_value_heads=2, feed_forward=96, context=512
)
PLAN = Plan(steps=4, warm_up=2, checkpoint_every=2, log_every=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("run")
    assert run_training(path, PLAN, seed=1, shape=SHAPE, samples=400) == path / "step-4.gguf"
    return path


def test_the_run_leaves_checkpoints_and_a_log(folder: Path) -> None:
    assert {p.name for p in folder.iterdir()} == {
        "network.pt",
        "step-2.gguf",
        "step-4.gguf",
        "tokenizer.json",
        "training.json",
    }
    record = json.loads((folder / "training.json").read_text())
    assert record["seed"] == 1
    assert [entry["step"] for entry in record["history"]] == [2, 4]
    assert record["history"][1]["loss"] < record["history"][0]["loss"]


def test_the_file_describes_the_model(folder: Path) -> None:
    reader = gguf.GGUFReader(folder / "step-4.gguf")
    fields = {name: field.contents() for name, field in reader.fields.items()}
    assert fields["general.architecture"] == "llama"
    assert fields["general.name"] == "lakeserve-demo"
    assert fields["general.license"] == "apache-2.0"
    assert "Tiny demonstration model" in str(fields["general.description"])
    assert fields["tokenizer.chat_template"] == CHAT_TEMPLATE
    assert fields["llama.block_count"] == SHAPE.layers
    assert fields["llama.attention.head_count_kv"] == SHAPE.key_value_heads
    tokens = fields["tokenizer.ggml.tokens"]
    assert isinstance(tokens, list)
    assert tokens[int(str(fields["tokenizer.ggml.eos_token_id"]))] == "<|im_end|>"
    assert len(reader.tensors) == 2 + 9 * SHAPE.layers


def test_the_same_seed_gives_the_same_file(folder: Path, tmp_path: Path) -> None:
    again = run_training(tmp_path, PLAN, seed=1, shape=SHAPE, samples=400)
    assert again.read_bytes() == (folder / again.name).read_bytes()


def test_the_engine_runs_the_file(folder: Path) -> None:
    pytest.importorskip("xllamacpp")
    from lakeserve_demo_model.training.evaluate import load_engine

    complete = load_engine(folder / "step-4.gguf")
    body = {"messages": [{"role": "user", "content": "hi"}], "temperature": 0, "max_tokens": 5}
    assert complete(body)["role"] == "assistant"


def test_the_rate_rises_and_falls() -> None:
    plan = Plan(steps=1000, learning_rate=1.0, warm_up=10)
    rates = [learning_rate(plan, step) for step in range(1000)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0, abs=0.01)
    assert rates[-1] == pytest.approx(0.02, abs=0.001)
    assert rates[20:] == sorted(rates[20:], reverse=True)


def test_the_command_line() -> None:
    training = program.parser().parse_args(["--out", "run", "--steps", "3"])
    assert (training.out, training.steps, training.command) == (Path("run"), 3, None)
    measuring = program.parser().parse_args(["evaluate", "model.gguf"])
    assert (measuring.command, measuring.model) == ("evaluate", Path("model.gguf"))
