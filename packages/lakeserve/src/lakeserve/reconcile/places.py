"""Where the calls of an external model go, and what its translation needs to know. Pure."""

from collections.abc import Callable, Mapping
from urllib.parse import quote, urlsplit

from lakeserve.core.endpoints import Address, ExternalModel
from lakeserve.core.external_models import (
    AI21_API_BASE,
    ANTHROPIC_API_BASE,
    COHERE_API_BASE,
    OPENAI_API_BASE,
    option,
    translation_name,
)
from lakeserve.providers.plugins import PLUGINS
from lakeserve.reconcile.addresses import parse_address

Place = tuple[Address, Mapping[str, str]]


def place(model: ExternalModel) -> Place:
    """The address of a model, and the options of its translation."""
    plugin = PLUGINS.get(model.provider)
    if plugin is not None:
        return parse_address(plugin.address(model.options)), plugin.options(model.options)
    return _PLACES[translation_name(model)](model)


def _openai(model: ExternalModel) -> Place:
    base = str(model.options.get("openai_api_base") or OPENAI_API_BASE)
    organization = model.options.get("openai_organization")
    return parse_address(base), {"organization": organization} if organization else {}


def _azure(model: ExternalModel) -> Place:
    options = model.options
    base = str(options["openai_api_base"]).rstrip("/")
    deployment = quote(str(options["openai_deployment_name"]), safe="")
    version = quote(str(options["openai_api_version"]), safe="")
    return parse_address(base), {"deployment": deployment, "api_version": version}


def _custom(model: ExternalModel) -> Place:
    url = urlsplit(str(model.options["custom_provider_url"]))
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    header = option(model.options, "api_key_auth.key")
    options = {"path": path} if header is None else {"path": path, "header": str(header)}
    return parse_address(f"{url.scheme}://{url.netloc}"), options


def _databricks(model: ExternalModel) -> Place:
    return parse_address(str(model.options["databricks_workspace_url"])), {}


def _anthropic(model: ExternalModel) -> Place:
    base = str(model.options.get("anthropic_api_base") or ANTHROPIC_API_BASE)
    version = model.options.get("anthropic_version")
    return parse_address(base), {"anthropic_version": version} if version else {}


def _cohere(model: ExternalModel) -> Place:
    """The address without a version, which the translation's paths bring along."""
    base = str(model.options.get("cohere_api_base") or COHERE_API_BASE).rstrip("/")
    return parse_address(base.removesuffix("/v1").removesuffix("/v2")), {}


def _bedrock(model: ExternalModel) -> Place:
    options = model.options
    usual = f"https://bedrock-runtime.{options['aws_region']}.amazonaws.com"
    base = options.get("amazon_bedrock_api_base") or usual
    # The vendor's documents and other clients write the name with capitals, too.
    return parse_address(base), {"bedrock_provider": str(options["bedrock_provider"]).lower()}


def _vertex(model: ExternalModel) -> Place:
    options = model.options
    region = str(options["region"])
    base = options.get("google_cloud_vertex_ai_api_base") or f"https://{_vertex_host(region)}"
    project = quote(str(options["project_id"]), safe=":")
    location = f"/v1/projects/{project}/locations/{quote(region, safe='')}"
    return parse_address(base.rstrip("/") + location), {}


def _vertex_host(region: str) -> str:
    if region == "global":
        return "aiplatform.googleapis.com"
    if region in {"eu", "us"}:  # they are made of several regions
        return f"aiplatform.{region}.rep.googleapis.com"
    return f"{region}-aiplatform.googleapis.com"


def _ai21(model: ExternalModel) -> Place:
    return parse_address(str(model.options.get("ai21labs_api_base") or AI21_API_BASE)), {}


def _palm(model: ExternalModel) -> Place:
    return parse_address(str(model.options["palm_api_base"])), {}


_PLACES: Mapping[str, Callable[[ExternalModel], Place]] = {
    "ai21labs": _ai21,
    "amazon-bedrock": _bedrock,
    "anthropic": _anthropic,
    "azure": _azure,
    "cohere": _cohere,
    "custom": _custom,
    "databricks-model-serving": _databricks,
    "google-cloud-vertex-ai": _vertex,
    "openai": _openai,
    "palm": _palm,
}
