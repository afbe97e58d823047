"""LangChain's standard unit suites."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_lakeserve import ChatDatabricks, DatabricksEmbeddings
from langchain_tests.unit_tests import ChatModelUnitTests, EmbeddingsUnitTests

ADDRESS = {"host": "http://127.0.0.1:9", "token": "dapi-test"}
ENVIRONMENT = {"DATABRICKS_HOST": "http://127.0.0.1:9", "DATABRICKS_TOKEN": "dapi-test"}


@pytest.fixture(autouse=True)
def _listed(monkeypatch: pytest.MonkeyPatch) -> None:
    # The suite's serialization test loads from LangChain's own list of packages, where a
    # package outside LangChain's repository has no entry; users name the class instead.
    # (The package's attribute `load` is a function that hides the module.)
    load_module = importlib.import_module("langchain_core.load.load")
    listed = load_module._get_default_allowed_class_paths("all")
    path = ("langchain_lakeserve", "chat_models", "ChatDatabricks")
    monkeypatch.setitem(load_module._default_class_paths_cache, "all", {*listed, path})


class TestChatDatabricksUnit(ChatModelUnitTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatDatabricks

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "test-chat", "host": ADDRESS["host"]}  # the suite adds api_key itself

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return ENVIRONMENT, {"model": "test-chat"}, ADDRESS

    @property
    def supports_json_mode(self) -> bool:
        return True


class TestChatDatabricksResponsesUnit(TestChatDatabricksUnit):
    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {**super().chat_model_params, "use_responses_api": True}


class TestDatabricksEmbeddingsUnit(EmbeddingsUnitTests):
    @property
    def embeddings_class(self) -> type[Embeddings]:
        return DatabricksEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"endpoint": "test-embeddings", **ADDRESS}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return ENVIRONMENT, {"endpoint": "test-embeddings"}, ADDRESS
