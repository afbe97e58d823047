"""The files that come with the package."""

from importlib.resources import files
from pathlib import Path

MODEL_NAME = "lakeserve-demo"


def model_path() -> Path:
    """Return the path of the shipped GGUF file."""
    return _data_file("lakeserve-demo-q8_0.gguf")


def card() -> str:
    """Return the model card, as Markdown text."""
    return _data_file("CARD.md").read_text(encoding="utf-8")


def _data_file(name: str) -> Path:
    # Installers unpack wheels, so that the resources are plain files.
    return Path(str(files("lakeserve_demo_model") / "data" / name))
