"""LangChain's `init_chat_model` and `init_embeddings`, with our provider among theirs."""

from __future__ import annotations

import importlib
from typing import Any

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel

from langchain_lakeserve.chat_models import ChatDatabricks
from langchain_lakeserve.embeddings import DatabricksEmbeddings

_OURS = frozenset({"databricks", "lakeserve"})


def init_chat_model(model: str, **arguments: Any) -> BaseChatModel:
    """Make a chat model from a name like ``databricks:my-endpoint``.

    Args:
        model: ``databricks:NAME`` or ``lakeserve:NAME``; any other name is LangChain's affair.
        **arguments: For the class.

    Raises:
        ModuleNotFoundError: The name needs the package `langchain`, which is not installed.

    Example:
        .. code-block:: python

            init_chat_model("databricks:databricks-dbrx-instruct", temperature=0)
    """
    provider, _, name = model.partition(":")
    if name and provider in _OURS:
        return ChatDatabricks(model=name, **arguments)
    made: BaseChatModel = importlib.import_module("langchain.chat_models").init_chat_model(
        model, **arguments
    )
    return made


def init_embeddings(model: str, **arguments: Any) -> Embeddings:
    """Make embeddings from a name like ``databricks:my-endpoint``.

    Args:
        model: ``databricks:NAME`` or ``lakeserve:NAME``; any other name is LangChain's affair.
        **arguments: For the class.

    Raises:
        ModuleNotFoundError: The name needs the package `langchain`, which is not installed.

    Example:
        .. code-block:: python

            init_embeddings("databricks:databricks-bge-large-en")
    """
    provider, _, name = model.partition(":")
    if name and provider in _OURS:
        return DatabricksEmbeddings(endpoint=name, **arguments)
    made: Embeddings = importlib.import_module("langchain.embeddings").init_embeddings(
        model, **arguments
    )
    return made
