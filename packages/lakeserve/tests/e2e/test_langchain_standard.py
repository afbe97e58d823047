"""LangChain's standard integration suites for the client's classes, against a running platform.

A capability flag is off only where the demo model has nothing to serve it with: it reads text.
"""

from typing import Any

import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_lakeserve import ChatDatabricks, Databricks, DatabricksEmbeddings
from langchain_tests.integration_tests import ChatModelIntegrationTests, EmbeddingsIntegrationTests

CHAT = "databricks-dbrx-instruct"
OTHER_CHAT = "databricks-meta-llama-3-70b-instruct"
EMBEDDINGS = "databricks-bge-large-en"

pytestmark = pytest.mark.usefixtures("environment")


class TestChat(ChatModelIntegrationTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatDatabricks

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"endpoint": CHAT, "temperature": 0}

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    def model_override_value(self) -> str | None:
        return OTHER_CHAT

    # The demo model reads no image, audio or PDF.
    supports_image_inputs = False
    supports_image_urls = False
    supports_pdf_inputs = False
    supports_audio_inputs = False
    supports_video_inputs = False
    supports_image_tool_message = False
    supports_pdf_tool_message = False


class TestEmbeddings(EmbeddingsIntegrationTests):
    @property
    def embeddings_class(self) -> type[Embeddings]:
        return DatabricksEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"endpoint": EMBEDDINGS}


class TestLLM:
    """LangChain has no standard suite for LLMs; these are the methods that every LLM has."""

    @pytest.fixture
    def llm(self) -> Databricks:
        return Databricks(endpoint_name=CHAT, model_kwargs={"temperature": 0})

    def test_invoke_and_stop(self, llm: Databricks) -> None:
        whole = llm.invoke("What is MLflow?")
        assert "MLflow" in whole
        assert whole.startswith(llm.invoke("What is MLflow?", stop=["."]))
        assert "." not in llm.invoke("What is MLflow?", stop=["."])

    def test_stream(self, llm: Databricks) -> None:
        parts = list(llm.stream("What is MLflow?"))
        assert len(parts) > 1
        assert "".join(parts) == llm.invoke("What is MLflow?")

    def test_batch(self, llm: Databricks) -> None:
        answers = llm.batch(["What is MLflow?", "How are you?"])
        assert answers == [llm.invoke("What is MLflow?"), llm.invoke("How are you?")]

    async def test_async_twins(self, llm: Databricks) -> None:
        whole = await llm.ainvoke("What is MLflow?")
        assert whole == llm.invoke("What is MLflow?")
        assert "".join([part async for part in llm.astream("What is MLflow?")]) == whole
        assert await llm.abatch(["How are you?"]) == [llm.invoke("How are you?")]
