import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from lakeserve.cli.main import cli
from lakeserve.core.errors import ConfigurationError
from workers.gguf_files import gguf_bytes


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAKESERVE_DATA_DIR", str(tmp_path / "data"))
    Path("m.gguf").write_bytes(gguf_bytes({"general.architecture": "llama"}))
    adapter = {"general.architecture": "llama", "adapter.type": "lora", "general.type": "adapter"}
    Path("a=b.gguf").write_bytes(gguf_bytes(adapter))
    Path("t.jinja").write_text("{{ messages }}")


def models(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["models", *arguments])


def test_adding_listing_removing() -> None:
    options = ("--lora", "a=b.gguf", "--lora", "a=b.gguf=0.25", "--chat-template", "t.jinja")
    added = models("add", "m.gguf", "--name", "mine", "--context-tokens", "512", *options)
    assert added.output == "added chat model mine\n", added.output
    (row,) = json.loads(models("list", "--json").output)
    assert (row["name"], row["kind"], row["architecture"]) == ("mine", "chat", "llama")
    assert row["extras"] == "lora=1 lora=0.25 template"
    assert row["sha256"] in models("list").output
    assert models("remove", "mine").exit_code == 0
    assert json.loads(models("list", "--json").output) == []


def test_pooling_makes_an_embedding_model() -> None:
    assert (
        "added embedding model"
        in models("add", "m.gguf", "--name", "vectors", "--pooling", "mean").output
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("add", "m.gguf"), "--name"),
        (("add", "none.gguf", "--name", "x"), "does not exist"),
        (("add", "m.gguf", "--name", "x", "--lora", "none=1"), "there is no file 'none'"),
        (("add", "m.gguf", "--name", "x", "--lora", "m.gguf=big"), "'big' is not a number"),
        (("add", "m.gguf", "--name", "x", "--pooling", "max"), "mean"),
        (("add", "m.gguf", "--name", "x", "--context-tokens", "1"), "256"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], told: str) -> None:
    result = models(*arguments)
    assert (result.exit_code, told in result.output) == (2, True)


def test_removing_what_is_not_there() -> None:
    result = models("remove", "nothing")
    assert isinstance(result.exception, ConfigurationError)
    assert "no model 'nothing'" in str(result.exception)
