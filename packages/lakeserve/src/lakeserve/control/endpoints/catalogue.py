"""The foundation catalogue: endpoints that exist from the first start, and what serves them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from lakeserve.core.endpoints import (
    Endpoint,
    LocalModel,
    LocalServer,
    OpenAICompatible,
    Scale,
    ServedEntity,
    StartPolicy,
    Task,
)
from lakeserve.core.errors import ConfigurationError
from lakeserve.core.ids import stable_object_id
from lakeserve.foundation_settings import (
    Foundation,
    ServedModel,
    ServerProgram,
    Upstream,
    VllmServer,
)
from lakeserve.workers.protocols import ModelKind

CREATOR = "System-User"
CHAT: Task = "llm/v1/chat"
EMBEDDINGS: Task = "llm/v1/embeddings"

DEMO = LocalModel("demo")
MINILM = LocalModel("minilm")

_NAME = re.compile(r"databricks-[A-Za-z0-9_-]{1,52}")
_EMBEDDING_HINT = re.compile(r"embed|minilm|(^|[-_/])(bge|gte|e5)[-_]", re.IGNORECASE)
_ACCEPTED = (
    "'demo', 'minilm', a name of 'lakeserve models list', the path of a GGUF file, or an"
    " OpenAI-compatible server (http://HOST:PORT/v1)"
)


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A name of the catalogue.

    Attributes:
        title: The model that the name stands for at the reference service.
    """

    name: str
    title: str
    task: Task
    start: StartPolicy


NO_MODELS: Mapping[str, ModelKind] = MappingProxyType({})

FoundationBackend = LocalModel | LocalServer | OpenAICompatible

CATALOGUE: tuple[CatalogueEntry, ...] = (
    CatalogueEntry("databricks-dbrx-instruct", "DBRX Instruct", CHAT, "eager"),
    CatalogueEntry(
        "databricks-meta-llama-3-70b-instruct", "Meta Llama 3 70B Instruct", CHAT, "eager"
    ),
    CatalogueEntry("databricks-bge-large-en", "BGE Large (English)", EMBEDDINGS, "eager"),
    CatalogueEntry(
        "databricks-meta-llama-3-3-70b-instruct", "Meta Llama 3.3 70B Instruct", CHAT, "on-demand"
    ),
    CatalogueEntry(
        "databricks-meta-llama-3-1-8b-instruct", "Meta Llama 3.1 8B Instruct", CHAT, "on-demand"
    ),
    CatalogueEntry("databricks-llama-4-maverick", "Llama 4 Maverick", CHAT, "on-demand"),
    CatalogueEntry("databricks-claude-3-7-sonnet", "Claude 3.7 Sonnet", CHAT, "on-demand"),
    CatalogueEntry("databricks-claude-sonnet-4-6", "Claude Sonnet 4.6", CHAT, "on-demand"),
    CatalogueEntry("databricks-claude-opus-4-6", "Claude Opus 4.6", CHAT, "on-demand"),
    CatalogueEntry("databricks-claude-haiku-4-5", "Claude Haiku 4.5", CHAT, "on-demand"),
    CatalogueEntry("databricks-gpt-5-1", "GPT-5.1", CHAT, "on-demand"),
    CatalogueEntry("databricks-gpt-oss-20b", "GPT OSS 20B", CHAT, "on-demand"),
    CatalogueEntry("databricks-gpt-oss-120b", "GPT OSS 120B", CHAT, "on-demand"),
    CatalogueEntry("databricks-gemini-2-5-flash", "Gemini 2.5 Flash", CHAT, "on-demand"),
    CatalogueEntry("databricks-gemini-2-5-pro", "Gemini 2.5 Pro", CHAT, "on-demand"),
    CatalogueEntry("databricks-gemma-3-12b", "Gemma 3 12B", CHAT, "on-demand"),
    CatalogueEntry(
        "databricks-qwen3-next-80b-a3b-instruct", "Qwen3-Next 80B A3B Instruct", CHAT, "on-demand"
    ),
    CatalogueEntry("databricks-gte-large-en", "GTE Large (English)", EMBEDDINGS, "on-demand"),
    CatalogueEntry(
        "databricks-qwen3-embedding-0-6b", "Qwen3 Embedding 0.6B", EMBEDDINGS, "on-demand"
    ),
)


def foundation_endpoints(
    overrides: Mapping[str, Foundation],
    now_ms: int,
    models: Mapping[str, ModelKind] = NO_MODELS,
) -> tuple[Endpoint, ...]:
    """Every foundation endpoint as the settings want it.

    Credentials of upstreams are left out: they stay in the settings.

    Args:
        overrides: The setting ``foundation``: what serves a name instead of the shipped model.
        now_ms: Creation time of the endpoints.
        models: The kinds of the models that were added to the platform, by name.

    Raises:
        ConfigurationError: A name or a value of ``overrides`` cannot be used.
    """
    entries = {entry.name: entry for entry in CATALOGUE}
    for name, value in overrides.items():
        if name not in entries:
            entries[name] = _added(name, value, models)
    return tuple(
        _endpoint(entry, overrides.get(entry.name), now_ms, models) for entry in entries.values()
    )


def _added(name: str, value: Foundation, models: Mapping[str, ModelKind]) -> CatalogueEntry:
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"foundation.{name}: {name!r} cannot name a foundation endpoint; accepted:"
            " 'databricks-' followed by letters, digits, '-' and '_', at most 63 characters in all"
        )
    served_by = _served_by(value)
    hinted = any(map(_EMBEDDING_HINT.search, (name, served_by)))
    kind = models.get(served_by, "embedding" if hinted else "chat")
    task = EMBEDDINGS if kind == "embedding" else CHAT
    return CatalogueEntry(name, name.removeprefix("databricks-"), task, "on-demand")


def _start(entry: CatalogueEntry, override: Foundation | None) -> StartPolicy:
    if override is None:
        return entry.start
    if isinstance(override, ServedModel) and override.scale_to_zero:
        return "on-demand"
    # Whoever points a name at a model of their own wants to know at the start whether it loads.
    return "eager"


def _served_by(value: Foundation) -> str:
    """What a setting calls the model, as far as it does."""
    if isinstance(value, str):
        return value
    if isinstance(value, ServedModel):
        return value.model
    if isinstance(value, VllmServer):
        return value.vllm
    return " ".join(value.command) if isinstance(value, ServerProgram) else value.model or ""


def _endpoint(
    entry: CatalogueEntry,
    override: Foundation | None,
    now_ms: int,
    models: Mapping[str, ModelKind],
) -> Endpoint:
    backend = _shipped(entry.task) if override is None else _backend(entry, override, models)
    model_name, model_description = _described(entry, backend, override)
    entity = ServedEntity(
        id=stable_object_id("foundation", entry.name, "entity"),
        name=entry.name,
        backend=backend,
        model_name=model_name,
        model_description=model_description,
        start=_start(entry, override),
    )
    return Endpoint(
        id=stable_object_id("foundation", entry.name),
        name=entry.name,
        task=entry.task,
        endpoint_type="FOUNDATION_MODEL_API",
        creator=CREATOR,
        created_at=now_ms,
        updated_at=now_ms,
        entities=(entity,),
        description=_description(entry, backend, model_name),
    )


def _shipped(task: Task) -> LocalModel:
    return MINILM if task == EMBEDDINGS else DEMO


def _backend(
    entry: CatalogueEntry, value: Foundation, models: Mapping[str, ModelKind]
) -> FoundationBackend:
    key = f"foundation.{entry.name}"
    if isinstance(value, ServedModel):
        scale = Scale(value.concurrency, value.replicas, most_replicas=value.max_replicas)
        return replace(_local(entry, value.model, models), scale=scale)
    if isinstance(value, ServerProgram | VllmServer):
        return LocalServer(entry.name, Scale(replicas=value.replicas))
    if isinstance(value, Upstream):
        return OpenAICompatible(_base_url(key, value.url), value.model or entry.name)
    if urlsplit(value).scheme in {"http", "https"}:
        return OpenAICompatible(_base_url(key, value), entry.name)
    return _local(entry, value, models)


def _local(entry: CatalogueEntry, value: str, models: Mapping[str, ModelKind]) -> LocalModel:
    key = f"foundation.{entry.name}"
    if value in {"demo", "minilm"}:
        if LocalModel(value) != _shipped(entry.task):
            raise ConfigurationError(
                f"{key}: {value!r} cannot serve the task {entry.task};"
                f" accepted: {_shipped(entry.task).reference!r} or a model of your own"
            )
        return LocalModel(value)
    if value in models:
        return _named(entry, value, models[value])
    return LocalModel(str(_model_file(key, value)))


def _named(entry: CatalogueEntry, name: str, kind: ModelKind) -> LocalModel:
    if (kind == "embedding") != (entry.task == EMBEDDINGS):
        raise ConfigurationError(
            f"foundation.{entry.name}: {name!r} is a model of kind {kind!r} and cannot serve the"
            f" task {entry.task}"
        )
    return LocalModel(name)


def _model_file(key: str, value: str) -> Path:
    path = Path(value).expanduser()
    if not path.is_absolute():
        raise ConfigurationError(f"{key}: {value!r} is unknown; accepted: {_ACCEPTED}, absolute")
    if not path.is_file():
        raise ConfigurationError(f"{key}: file {value!r} does not exist; accepted: {_ACCEPTED}")
    return path


def _base_url(key: str, value: str) -> str:
    try:
        parts = urlsplit(value)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        usable = False
    if not usable:
        raise ConfigurationError(f"{key}: {value!r} is not an http:// or https:// address")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigurationError(
            f"{key}: the address may not carry a user, a password, a query or a fragment; put the"
            " key of the server into 'api_key'"
        )
    return value.rstrip("/")


def _is(backend: FoundationBackend, shipped: LocalModel) -> bool:
    return isinstance(backend, LocalModel) and backend.reference == shipped.reference


def _described(
    entry: CatalogueEntry, backend: FoundationBackend, value: Foundation | None
) -> tuple[str, str]:
    """The name of what answers, and one plain sentence about it."""
    if isinstance(backend, OpenAICompatible):
        host = urlsplit(backend.base_url).netloc
        return backend.model, f"The model {backend.model} of the server at {host}."
    if not isinstance(backend, LocalModel):
        return _program_described(entry, value)
    if _is(backend, DEMO):
        return "lakeserve-demo", "The tiny chat model that lakeserve ships, for trying things out."
    if _is(backend, MINILM):
        return (
            "all-MiniLM-L6-v2 (384 dimensions)",
            "The small embedding model that lakeserve ships.",
        )
    if not Path(backend.reference).is_absolute():
        return backend.reference, f"The model {backend.reference} that was added to this platform."
    file = Path(backend.reference).name
    return file, f"The model file {file} on this machine."


def _program_described(entry: CatalogueEntry, value: Foundation | None) -> tuple[str, str]:
    if isinstance(value, VllmServer):
        name = Path(value.vllm).name
        return name, f"The model {name}, served by vLLM on this machine."
    program = Path(value.command[0]).name if isinstance(value, ServerProgram) else "unknown"
    return entry.name, f"Whatever the program {program} of this machine serves."


def _description(entry: CatalogueEntry, backend: FoundationBackend, model_name: str) -> str:
    if _is(backend, DEMO):
        return (
            f"Served by the tiny lakeserve demo model, not by {entry.title}:"
            " answers are for trying things out."
        )
    if _is(backend, MINILM):
        return (
            f"Served by all-MiniLM-L6-v2 with 384 dimensions, not by {entry.title}:"
            " vectors are for trying things out."
        )
    return f"Served by {model_name}, as the settings of this platform say."
