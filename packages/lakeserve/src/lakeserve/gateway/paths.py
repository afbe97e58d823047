"""What a path of the data plane asks for. Pure."""

from dataclasses import dataclass
from typing import Literal, NamedTuple
from urllib.parse import unquote

from lakeserve.providers.base import Operation

PREFIXES = ("/serving-endpoints", "/driver-proxy-api", "/driver-proxy", "/ai-gateway")

REGISTRY_PREFIXES = ("/api/2.0/mlflow/", "/api/2.0/mlflow-artifacts/", "/api/3.0/mlflow/")
# These are a workspace's own: models of Unity Catalog, and signed addresses of files.
_OF_A_WORKSPACE = ("/unity-catalog/", "/artifacts/credentials-for-")

_BY_MODEL: dict[tuple[str, ...], Operation] = {
    ("chat", "completions"): "chat",
    ("completions",): "completions",
    ("embeddings",): "embeddings",
    ("responses",): "responses",
}

# The paths of the unified gateway, after ``/ai-gateway``; a model's name is an endpoint's there.
_UNIFIED: dict[tuple[str, ...], Operation] = {
    **{("mlflow", "v1", *parts): operation for parts, operation in _BY_MODEL.items()},
    **{("openai", "v1", *parts): operation for parts, operation in _BY_MODEL.items()},
    ("codex", "v1", "responses"): "responses",
}

MESSAGES = ("anthropic", "v1", "messages")
_ANTHROPIC_MODELS = ("anthropic", "v1", "models")
_UNIFIED_MODELS = {("mlflow", "v1", "models"), ("openai", "v1", "models")}
_GEMINI = ("gemini", "v1beta", "models")


class InferenceRoute(NamedTuple):
    """A call of an endpoint.

    Attributes:
        operation: What the path asks for; None leaves it to the endpoint's task.
        endpoint: The endpoint's name; None leaves it to the body's ``model``.
        entity: The served entity that must answer; None leaves it to the traffic split.
        stream: Whether the path asks for events; None leaves it to the body.
    """

    operation: Operation | None = None
    endpoint: str | None = None
    entity: str | None = None
    stream: bool | None = None


@dataclass(frozen=True, slots=True)
class DriverRoute:
    """A call of an app on a cluster's driver.

    Attributes:
        port: As the path spells it, unchecked.
        rest: The app's own path, as the caller escaped it; starts with a slash.
    """

    cluster_id: str
    port: str
    rest: str


@dataclass(frozen=True, slots=True)
class UnbuiltRoute:
    """A documented path that this version does not answer."""

    name: str


ModelDialect = Literal["openai", "anthropic"]


@dataclass(frozen=True, slots=True)
class ModelsRoute:
    """A list of models, or one of them.

    Attributes:
        dialect: In whose words.
        model: Its name, or None for all.
    """

    dialect: ModelDialect
    model: str | None = None


Route = InferenceRoute | DriverRoute | ModelsRoute | UnbuiltRoute


def is_data_plane(path: str) -> bool:
    """Whether a path belongs to the data plane, known to it or not."""
    if not path.startswith(PREFIXES):
        return is_registry(path)
    first, _, _ = path[1:].partition("/")
    return f"/{first}" in PREFIXES


def is_registry(path: str) -> bool:
    """Whether a path belongs to MLflow's own server."""
    return path.startswith(REGISTRY_PREFIXES) and not any(part in path for part in _OF_A_WORKSPACE)


def parse(path: str) -> Route | None:
    """The route of a path, or None when the data plane has none.

    A trailing slash is ignored. Paths of the driver proxy are taken as they were escaped.
    """
    parts = tuple(path.strip("/").split("/"))
    if parts[0] == "serving-endpoints":
        return _serving(parts[1:])
    if parts[0] in {"driver-proxy-api", "driver-proxy"}:
        return _driver(path)
    if parts[0] == "ai-gateway":
        return _unified(parts[1:])
    return None


def takes_api_key(path: str) -> bool:
    """Whether callers may send their token as ``x-api-key``, as Anthropic's clients do."""
    parts = tuple(path.strip("/").split("/")[1:])
    return parts == MESSAGES or parts[:3] == _ANTHROPIC_MODELS


def _serving(parts: tuple[str, ...]) -> Route | None:
    operation = _BY_MODEL.get(parts)
    if operation is not None:
        return InferenceRoute(operation=operation)
    if len(parts) == 2 and parts[1] == "invocations" and parts[0]:
        return InferenceRoute(endpoint=parts[0])
    if len(parts) == 4 and (parts[1], parts[3]) == ("served-models", "invocations"):
        return InferenceRoute(endpoint=parts[0], entity=parts[2])
    return _native(parts)


def _unified(parts: tuple[str, ...]) -> Route | None:
    operation = _UNIFIED.get(parts)
    if operation is not None:
        return InferenceRoute(operation=operation)
    if parts[:3] in _UNIFIED_MODELS and len(parts) <= 4:
        return ModelsRoute("openai", *parts[3:])
    return _native(parts) or UnbuiltRoute(
        "The unified AI Gateway path /ai-gateway/" + "/".join(parts[:3])
    )


def _native(parts: tuple[str, ...]) -> Route | None:
    """The paths of other vendors' own interfaces."""
    if parts == MESSAGES:
        return InferenceRoute(operation="messages")
    if parts[:3] == _ANTHROPIC_MODELS and len(parts) <= 4:
        return ModelsRoute("anthropic", *parts[3:])
    if parts[:2] == MESSAGES[:2]:
        return UnbuiltRoute("The native Anthropic path /" + "/".join(parts[2:]))
    if parts[:3] == _GEMINI and len(parts) == 4:
        name, _, method = parts[3].rpartition(":")
        if name and method in {"generateContent", "streamGenerateContent"}:
            return InferenceRoute("generate", name, stream=method.startswith("stream"))
    if parts[:2] == _GEMINI[:2]:
        return UnbuiltRoute("The native Gemini path /" + "/".join(parts[2:]))
    return None


def _driver(path: str) -> Route | None:
    parts = path.split("/", 6)
    if len(parts) < 6 or parts[2] != "o" or not parts[4]:
        return None
    rest = parts[6] if len(parts) == 7 else ""
    return DriverRoute(cluster_id=unquote(parts[4]), port=parts[5], rest=f"/{rest}")
