import orjson
from lakeserve.core.endpoints import Target
from lakeserve.providers.azure import AzureProvider

OPTIONS = {"deployment": "my%20gpt", "api_version": "2024-06-01"}
TARGET = Target("id", "e", "azure", "gpt-4", "GPT", 100, credential="key", options=OPTIONS)


def test_the_deployment_is_the_model() -> None:
    body = {"model": "mine", "messages": [], "stream": True}
    request = AzureProvider().build(TARGET, "chat", body, b"unused")
    assert request.path == "/openai/deployments/my%20gpt/chat/completions?api-version=2024-06-01"
    assert request.headers == (("api-key", "key"),)
    assert orjson.loads(request.body) == {
        "messages": [],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_errors_carry_the_documented_name() -> None:
    error = AzureProvider().error(400, b'{"error": {"message": "no"}}', {})
    assert orjson.loads(error.message)["external_model_provider"] == "openai"
