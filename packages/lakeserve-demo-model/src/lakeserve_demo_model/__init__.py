"""A tiny chat model for demonstrations and tests, shipped as a GGUF file."""

from lakeserve_demo_model.shipped import MODEL_NAME, card, model_path

__all__ = ["MODEL_NAME", "card", "model_path"]
