"""Paths of the data plane."""

import pytest
from lakeserve.gateway.paths import (
    DriverRoute,
    InferenceRoute,
    ModelsRoute,
    Route,
    UnbuiltRoute,
    is_data_plane,
    is_registry,
    parse,
    takes_api_key,
)


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/serving-endpoints/chat/completions", InferenceRoute("chat")),
        ("/serving-endpoints/chat/completions/", InferenceRoute("chat")),
        ("/serving-endpoints/completions", InferenceRoute("completions")),
        ("/serving-endpoints/embeddings", InferenceRoute("embeddings")),
        ("/serving-endpoints/responses", InferenceRoute("responses")),
        ("/serving-endpoints/anthropic/v1/messages", InferenceRoute("messages")),
        (
            "/serving-endpoints/gemini/v1beta/models/x:generateContent",
            InferenceRoute("generate", "x", stream=False),
        ),
        (
            "/ai-gateway/gemini/v1beta/models/x:streamGenerateContent",
            InferenceRoute("generate", "x", stream=True),
        ),
        ("/ai-gateway/mlflow/v1/chat/completions", InferenceRoute("chat")),
        ("/ai-gateway/mlflow/v1/responses", InferenceRoute("responses")),
        ("/ai-gateway/openai/v1/embeddings", InferenceRoute("embeddings")),
        ("/ai-gateway/codex/v1/responses", InferenceRoute("responses")),
        ("/ai-gateway/anthropic/v1/messages", InferenceRoute("messages")),
        ("/ai-gateway/anthropic/v1/models", ModelsRoute("anthropic")),
        ("/serving-endpoints/anthropic/v1/models/x", ModelsRoute("anthropic", "x")),
        ("/ai-gateway/openai/v1/models", ModelsRoute("openai")),
        ("/ai-gateway/mlflow/v1/models/x/", ModelsRoute("openai", "x")),
        ("/serving-endpoints/x-1/invocations", InferenceRoute(None, "x-1")),
        ("/serving-endpoints/x-1/invocations/", InferenceRoute(None, "x-1")),
        ("/serving-endpoints/chat/invocations", InferenceRoute(None, "chat")),
        ("/serving-endpoints/responses/invocations", InferenceRoute(None, "responses")),
        ("/serving-endpoints/x/served-models/e/invocations", InferenceRoute(None, "x", "e")),
        ("/driver-proxy-api/o/0/c/7777", DriverRoute("c", "7777", "/")),
        ("/driver-proxy-api/o/0/c/7777/", DriverRoute("c", "7777", "/")),
        ("/driver-proxy/o/12/c/7777/a/b%2Fc/", DriverRoute("c", "7777", "/a/b%2Fc/")),
        ("/driver-proxy/o/12/c%2D1/7777//x", DriverRoute("c-1", "7777", "//x")),
    ],
)
def test_routes(path: str, route: Route) -> None:
    assert is_data_plane(path)
    assert parse(path) == route


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/serving-endpoints/anthropic/v1/messages/count_tokens", "Anthropic path /messages/count"),
        ("/serving-endpoints/gemini/v1beta/models/x:countTokens", "Gemini path /models/x:count"),
        ("/serving-endpoints/gemini/v1beta/models/:generateContent", "Gemini"),
        ("/ai-gateway/anthropic/v1/models/x/y", "Anthropic path /models"),
        ("/ai-gateway/mlflow/v1/models/x/y", "/ai-gateway/mlflow/v1"),
        ("/ai-gateway/gemini/v1beta/models", "Gemini path /models"),
        ("/ai-gateway/mlflow/v1/audio", "/ai-gateway/mlflow/v1"),
    ],
)
def test_unbuilt(path: str, named: str) -> None:
    route = parse(path)
    assert isinstance(route, UnbuiltRoute)
    assert named in route.name


@pytest.mark.parametrize(
    "path",
    [
        "/serving-endpoints",
        "/serving-endpoints/x",
        "/serving-endpoints//invocations",
        "/serving-endpoints/x/y/invocations",
        "/serving-endpoints/x/served-models/e",
        "/driver-proxy-api/o/0/c",
        "/driver-proxy-api/x/0/c/7777",
        "/driver-proxy-api/o/0//7777",
    ],
)
def test_unknown(path: str) -> None:
    assert is_data_plane(path)
    assert parse(path) is None


@pytest.mark.parametrize(
    "path", ["/", "/api/2.0/serving-endpoints", "/serving-endpointsx", "/driver-proxy-apix/o/0"]
)
def test_not_ours(path: str) -> None:
    assert not is_data_plane(path)
    assert parse("/x" + path) is None


@pytest.mark.parametrize("path", ["/serving-endpoints", "/ai-gateway"])
def test_where_a_key_is_a_token(path: str) -> None:
    assert takes_api_key(f"{path}/anthropic/v1/messages")
    assert takes_api_key(f"{path}/anthropic/v1/messages/")
    assert takes_api_key(f"{path}/anthropic/v1/models/x")
    assert not takes_api_key(f"{path}/anthropic/v1/messages/count_tokens")
    assert not takes_api_key(f"{path}/chat/completions")


@pytest.mark.parametrize(
    ("path", "belongs"),
    [
        ("/api/2.0/mlflow/registered-models/create", True),
        ("/api/2.0/mlflow-artifacts/artifacts/1/a", True),
        ("/api/3.0/mlflow/traces", True),
        ("/api/2.0/mlflow/unity-catalog/registered-models/create", False),
        ("/api/2.0/mlflow/artifacts/credentials-for-write", False),
        ("/api/2.0/serving-endpoints", False),
    ],
)
def test_the_registry(path: str, belongs: bool) -> None:
    assert is_registry(path) is is_data_plane(path) is belongs
