"""LangChain's standard suite for chat models, over HTTP, with every capability on."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_lakeserve import ChatDatabricks
from langchain_tests.integration_tests import ChatModelIntegrationTests
from strict_endpoint.server import StubServer

# One white pixel: what the suite would download, were there a network.
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/5+hHgAHggJ/PchI7wAAAABJRU5ErkJggg=="
)


@pytest.fixture(autouse=True)
def _local_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    def get(url: str, **_: Any) -> httpx.Response:
        return httpx.Response(200, content=PICTURE)

    monkeypatch.setattr(httpx, "get", get)
    monkeypatch.setenv("LANGCHAIN_TESTS_USER_AGENT", "langchain-lakeserve-tests")


class TestChatDatabricks(ChatModelIntegrationTests):
    @pytest.fixture(autouse=True)
    def _server(self, server: StubServer) -> Iterator[None]:
        self.server = server
        yield
        del self.server

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatDatabricks

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "stub-chat", "host": self.server.host, "token": self.server.token}

    @pytest.fixture
    def model(self, request: Any) -> BaseChatModel:
        return self.chat_model_class(
            **{**self.standard_chat_model_params, **self.chat_model_params}
        )

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_image_urls(self) -> bool:
        return True

    @property
    def supports_pdf_inputs(self) -> bool:
        return True

    @property
    def supports_audio_inputs(self) -> bool:
        return True

    @property
    def supports_video_inputs(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    def supports_image_tool_message(self) -> bool:
        return True

    @property
    def supports_pdf_tool_message(self) -> bool:
        return True

    @property
    def supports_model_override(self) -> bool:
        return True

    @property
    def model_override_value(self) -> str:
        return "other-chat"


class TestChatDatabricksResponses(TestChatDatabricks):
    """The same over the Responses API."""

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {**super().chat_model_params, "use_responses_api": True}


FLAGS = {
    "has_tool_calling": True,
    "has_tool_choice": True,
    "has_structured_output": True,
    "supports_json_mode": True,
    "supports_image_inputs": True,
    "supports_image_urls": True,
    "supports_pdf_inputs": True,
    "supports_audio_inputs": True,
    "supports_video_inputs": True,
    "returns_usage_metadata": True,
    "supports_anthropic_inputs": True,
    "supports_image_tool_message": True,
    "supports_pdf_tool_message": True,
    "supports_model_override": True,
    # The one test behind this flag replays a recording of a live service.
    "enable_vcr_tests": False,
}
SKIPPED = {"test_stream_time"}


def test_every_flag_of_the_suite_is_accounted_for() -> None:
    suite = object.__new__(TestChatDatabricks)
    flags = {
        name
        for name in dir(ChatModelIntegrationTests)
        if name.startswith(("supports_", "has_", "returns_", "enable_"))
    }
    assert flags == set(FLAGS)
    assert {name: getattr(suite, name) for name in FLAGS} == FLAGS
    assert all(hasattr(ChatModelIntegrationTests, name) for name in SKIPPED)
