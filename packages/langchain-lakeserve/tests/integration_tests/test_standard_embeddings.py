"""LangChain's standard suite for embeddings, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings
from langchain_lakeserve import DatabricksEmbeddings
from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from strict_endpoint.server import StubServer


class TestDatabricksEmbeddings(EmbeddingsIntegrationTests):
    @pytest.fixture(autouse=True)
    def _server(self, server: StubServer) -> Iterator[None]:
        self.server = server
        yield
        del self.server

    @property
    def embeddings_class(self) -> type[Embeddings]:
        return DatabricksEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"endpoint": "stub", "host": self.server.host, "token": self.server.token}

    @pytest.fixture
    def model(self) -> Embeddings:
        return self.embeddings_class(**self.embedding_model_params)
