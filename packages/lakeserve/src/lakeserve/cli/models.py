"""``lakeserve models``: GGUF models that endpoints can serve by name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from lakeserve.cli.connection import show, told
from lakeserve.cli.options import config_option
from lakeserve.core.errors import ConfigurationError
from lakeserve.settings import load_settings
from lakeserve.workers.llama import LlamaOptions, Lora, Pooling
from lakeserve.workers.model_store import ModelStore, StoredModel

Command = TypeVar("Command", bound=Callable[..., Any])

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_OPTIONS = (
    config_option,
    click.option(
        "--data-dir",
        type=click.Path(path_type=Path, file_okay=False),
        help="Directory that holds everything. [LAKESERVE_DATA_DIR; default: ~/.lakeserve]",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs."),
)


def _store_options(command: Command) -> Command:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.group(name="models")
def command() -> None:
    """GGUF models that endpoints and the settings can name.

    They lie in the data directory. A running platform finds a new one at once.
    """


@command.command("add")
@_store_options
@click.argument("path", type=_FILE)
@click.option("--name", required=True, help="What endpoints and settings call it.")
@click.option("--projector", type=_FILE, help="Lets the model see images (mmproj, GGUF).")
@click.option(
    "--lora",
    multiple=True,
    metavar="FILE[=SCALE]",
    help="A LoRA adapter (GGUF) that always counts. Repeatable.",
)
@click.option(
    "--chat-template", type=_FILE, help="A Jinja file in place of the model's own template."
)
@click.option(
    "--pooling",
    type=click.Choice(get_args(Pooling)),
    help="How token vectors become one; makes any model an embedding model.",
)
@click.option("--context-tokens", type=click.IntRange(min=256), help="Context of one request.")
@click.option("--threads", type=click.IntRange(1, 256), help="Compute threads of a worker.")
@click.option("--slots", type=click.IntRange(1, 256), help="Requests of a worker at a time.")
@click.option("--checksum", metavar="SHA256", help="Refuse a model file with another SHA-256.")
@click.option("--replace", is_flag=True, help="Take the place of a model of that name.")
def add(
    path: Path,
    name: str,
    projector: Path | None,
    lora: tuple[str, ...],
    chat_template: Path | None,
    checksum: str | None,
    replace: bool,
    as_json: bool,
    config: Path | None,
    data_dir: Path | None,
    **numbers: Any,
) -> None:
    """Add the GGUF file at PATH, linked where the file system allows it and copied elsewhere."""
    options = LlamaOptions(
        loras=tuple(_lora(text) for text in lora),
        projector=projector,
        chat_template=None if chat_template is None else chat_template.read_text("utf-8"),
        **numbers,
    )
    store = _store(config, data_dir)
    stored = store.add(name, path, options, checksum=checksum, replace=replace)
    told(f"added {stored.kind} model {name}", _row(stored), as_json=as_json)


@command.command("list")
@_store_options
def list_models(as_json: bool, config: Path | None, data_dir: Path | None) -> None:
    """List the models."""
    rows = [_row(stored) for stored in _store(config, data_dir).all()]
    show(rows, ["name", "kind", "architecture", "size", "sha256", "extras"], as_json=as_json)


@command.command("remove")
@_store_options
@click.argument("name")
def remove(name: str, as_json: bool, config: Path | None, data_dir: Path | None) -> None:
    """Remove the model NAME with its files.

    Workers that have loaded it go on; an endpoint that names it fails at its next start.
    """
    if not _store(config, data_dir).remove(name):
        raise ConfigurationError(f"there is no model {name!r}; lakeserve models list")
    told(f"removed model {name}", {"name": name}, as_json=as_json)


def _store(config: Path | None, data_dir: Path | None) -> ModelStore:
    return ModelStore(load_settings(config, data_dir=data_dir).data_dir)


def _lora(text: str) -> Lora:
    path, equals, scale = text.rpartition("=")
    if not equals or Path(text).is_file():
        path, scale = text, "1"
    try:
        number = float(scale)
    except ValueError:
        raise click.UsageError(f"--lora {text!r}: {scale!r} is not a number") from None
    if not Path(path).is_file():
        raise click.UsageError(f"--lora {text!r}: there is no file {path!r}")
    return Lora(Path(path), number)


def _row(stored: StoredModel) -> dict[str, Any]:
    options = stored.options
    extras = [
        *(["projector"] if options.projector else []),
        *(f"lora={lora.scale:g}" for lora in options.loras),
        *(["template"] if options.chat_template else []),
        *([f"pooling={options.pooling}"] if options.pooling else []),
    ]
    return {
        "name": stored.name,
        "kind": stored.kind,
        "architecture": stored.architecture,
        "size": sum(file.size for file in stored.files.values()),
        "sha256": stored.files[stored.path.name].sha256,
        "extras": " ".join(extras),
        "added_at": stored.added_at,
        "path": str(stored.path),
    }
