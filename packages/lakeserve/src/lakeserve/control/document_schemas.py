"""Shapes of answers and of calls of endpoints, for the OpenAPI document."""

from typing import Any

from lakeserve.control.endpoints.routes import BASE as ENDPOINTS
from lakeserve.control.permissions.routes import BASE as PERMISSIONS
from lakeserve.core.external_models import ProviderForm
from lakeserve.providers.plugins import FORMS

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
NUMBER: Json = {"type": "integer"}
FLAG: Json = {"type": "boolean"}


def reference(name: str) -> Json:
    """A schema by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def _list(items: Json) -> Json:
    return {"type": "array", "items": items}


def _object(required: Json, optional: Json | None = None) -> Json:
    """An object that may have other fields as well."""
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
    }


def _exact(required: Json, optional: Json | None = None) -> Json:
    return {**_object(required, optional), "additionalProperties": False}


_TAGS = _list(_exact({"key": TEXT, "value": TEXT}))
_STATE = _exact(
    {
        "ready": {"enum": ["READY", "NOT_READY"]},
        "config_update": {
            "enum": ["NOT_UPDATING", "IN_PROGRESS", "UPDATE_FAILED", "UPDATE_CANCELED"]
        },
    }
)
_ENTITY_STATE = _exact(
    {
        "deployment": {
            "enum": [
                "DEPLOYMENT_CREATING",
                "DEPLOYMENT_READY",
                "DEPLOYMENT_FAILED",
                "DEPLOYMENT_RECOVERING",
                "DEPLOYMENT_ABORTED",
            ]
        },
        "deployment_state_message": TEXT,
    }
)
_ROUTE = _exact(
    {
        "served_model_name": TEXT,
        "served_entity_name": TEXT,
        "traffic_percentage": {"type": "integer", "minimum": 0, "maximum": 100},
    }
)
_ENTITY = _object({"name": TEXT})
_CONFIG = _object(
    {
        "config_version": NUMBER,
        "served_entities": _list(
            _object(
                {
                    "name": TEXT,
                    "creator": TEXT,
                    "creation_timestamp": NUMBER,
                    "state": _ENTITY_STATE,
                }
            )
        ),
        "traffic_config": _exact({"routes": _list(_ROUTE)}),
    }
)
_COMMON: Json = {
    "name": TEXT,
    "id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    "creator": TEXT,
    "creation_timestamp": NUMBER,
    "last_updated_timestamp": NUMBER,
    "description": TEXT,
    "state": _STATE,
    "tags": _TAGS,
    "endpoint_type": {"enum": ["FOUNDATION_MODEL_API", "EXTERNAL_MODEL", "CUSTOM_MODEL"]},
}
_MAIL = _exact({"on_update_success": _list(TEXT), "on_update_failure": _list(TEXT)})
_ERROR: Json = {"error_code": TEXT, "message": TEXT}
_USAGE = {
    **_object({}, {"prompt_tokens": NUMBER, "total_tokens": NUMBER}),
    "type": ["object", "null"],
}
_TEXTS: Json = {"oneOf": [TEXT, _list(TEXT)]}
_MESSAGE = _object({"role": TEXT}, {"content": {}})
_SAMPLING: Json = {
    "max_tokens": {"type": "integer", "minimum": 1},
    "temperature": {"type": "number", "minimum": 0, "maximum": 2},
    "stream": FLAG,
}
_NAMED: Json = {"model": TEXT}
_PREDICTIONS = _object({"predictions": {}})

SCHEMAS: dict[str, Json] = {
    "Error": _exact(_ERROR, {"details": _list({"type": "object"})}),
    "OAuthError": {
        "type": "object",
        "properties": {**_ERROR, "error": TEXT, "error_description": TEXT},
    },
    "Endpoint": _object(
        {
            **_COMMON,
            "config": _CONFIG,
            "permission_level": {"enum": ["CAN_VIEW", "CAN_QUERY", "CAN_MANAGE"]},
        },
        {
            "task": TEXT,
            "pending_config": _object({"config_version": NUMBER, "start_time": NUMBER}),
            "email_notifications": _MAIL,
        },
    ),
    "EndpointList": _exact(
        {
            "endpoints": _list(
                _object(
                    {**_COMMON, "config": _object({"served_entities": _list(_ENTITY)})},
                    {"task": TEXT},
                )
            )
        }
    ),
    "FoundationModels": _exact(
        {
            "endpoints": _list(
                _object(
                    {
                        **_COMMON,
                        "foundation_model": _object(
                            {"ai_gateway_v2_supported": FLAG, "api_types": _list(TEXT)}
                        ),
                    }
                )
            )
        }
    ),
    "Nothing": _exact({}),
    "Tags": _exact({"tags": _TAGS}),
    "Notifications": _exact({"name": TEXT, "email_notifications": _MAIL}),
    "Logs": _exact({"logs": TEXT}),
    "PermissionLevels": _exact(
        {"permission_levels": _list(_exact({"permission_level": TEXT, "description": TEXT}))}
    ),
    "Permissions": _exact(
        {
            "object_id": TEXT,
            "object_type": TEXT,
            "access_control_list": _list(_object({"all_permissions": _list(_object({}))})),
        }
    ),
    "ChatRequest": _object({"messages": _list(_MESSAGE)}, _SAMPLING),
    "CompletionRequest": _object({"prompt": _TEXTS}, _SAMPLING),
    "EmbeddingRequest": _object({"input": _TEXTS}),
    "NamedChatRequest": _object({"messages": _list(_MESSAGE), **_NAMED}, _SAMPLING),
    "NamedCompletionRequest": _object({"prompt": _TEXTS, **_NAMED}, _SAMPLING),
    "NamedEmbeddingRequest": _object({"input": _TEXTS, **_NAMED}),
    "ChatAnswer": _object(
        {"choices": _list(_object({"message": _object({"role": TEXT})}))}, {"usage": _USAGE}
    ),
    "CompletionAnswer": _object({"choices": _list(_object({"text": TEXT}))}, {"usage": _USAGE}),
    "EmbeddingAnswer": _object({"data": _list(_object({"embedding": {}}))}, {"usage": _USAGE}),
    "NamedResponsesRequest": _object(
        {"input": {"anyOf": [TEXT, _list({"type": "object"})]}, **_NAMED}, {"stream": FLAG}
    ),
    "ResponsesAnswer": _object(
        {"output": _list(_object({"type": TEXT}))}, {"usage": {"type": ["object", "null"]}}
    ),
    "Anything": {"type": "object"},
    "Invocation": {
        "anyOf": [reference(f"{kind}Request") for kind in ("Chat", "Completion", "Embedding")]
    },
    "InvocationAnswer": {
        "anyOf": [reference(f"{kind}Answer") for kind in ("Chat", "Completion", "Embedding")]
        + [_PREDICTIONS]
    },
}

EXTERNAL = "ExternalModelInput"


def external_model(own: Json) -> Json:
    """The framework's schema with the providers, their tasks and the fields of their blocks."""
    blocks = {form.block: _block(form) for form in FORMS.values()}
    tasks = sorted({task for form in FORMS.values() for task in form.tasks})
    known: Json = {"provider": {"enum": list(FORMS)}, "task": {"enum": tasks}, **blocks}
    properties = {name: known.get(name, schema) for name, schema in own["properties"].items()}
    return {**own, "properties": properties}


def _block(form: ProviderForm) -> Json:
    properties: Json = {}
    for name in form.fields:
        outer, dot, inner = name.partition(".")
        if dot:
            nested = properties.setdefault(outer, {"type": "object", "properties": {}})
            nested["properties"][inner] = TEXT
        else:
            properties[outer] = TEXT
    return {"anyOf": [{"type": "object", "properties": properties}, {"type": "null"}]}


# Method and path, what the answer is called.
ANSWERS: dict[tuple[str, str], str] = {
    ("get", ENDPOINTS): "EndpointList",
    ("get", ENDPOINTS + ":foundation-models"): "FoundationModels",
    ("post", ENDPOINTS): "Endpoint",
    ("get", ENDPOINTS + "/{name}"): "Endpoint",
    ("delete", ENDPOINTS + "/{name}"): "Nothing",
    ("put", ENDPOINTS + "/{name}/config"): "Endpoint",
    ("post", ENDPOINTS + "/pt"): "Endpoint",
    ("put", ENDPOINTS + "/pt/{name}/config"): "Endpoint",
    ("put", ENDPOINTS + "/{name}/ai-gateway"): "AiGatewayInput",
    ("put", ENDPOINTS + "/{name}/rate-limits"): "RateLimitsInput",
    ("patch", ENDPOINTS + "/{name}/tags"): "Tags",
    ("patch", ENDPOINTS + "/{name}/notifications"): "Notifications",
    ("get", ENDPOINTS + "/{name}/served-models/{entity}/logs"): "Logs",
    ("get", ENDPOINTS + "/{name}/served-models/{entity}/build-logs"): "Logs",
    **{
        (method, PERMISSIONS.format(kind=kind)): "Permissions"
        for method in ("get", "put", "patch")
        for kind in ("serving-endpoints", "clusters", "authorization")
    },
    **{
        ("get", PERMISSIONS.format(kind=kind) + "/permissionLevels"): "PermissionLevels"
        for kind in ("serving-endpoints", "clusters", "authorization")
    },
}

_DATA, _UNIFIED = "/serving-endpoints", "/ai-gateway"

_CHAT = ("NamedChatRequest", "ChatAnswer", "Chat")
_COMPLETE = ("NamedCompletionRequest", "CompletionAnswer", "Complete a text")
_EMBED = ("NamedEmbeddingRequest", "EmbeddingAnswer", "Embed texts")
_RESPOND = ("NamedResponsesRequest", "ResponsesAnswer", "Respond to a text or to items")
_MESSAGE_CLAUDE = ("NamedChatRequest", "Anything", "Ask a Claude model in Anthropic's own words")
_GENERATE = ("Anything", "Anything", "Ask a Gemini model in Google's own words")
_GEMINI = "/gemini/v1beta/models/{name}"

# Path, request, answer, what it does.
INFERENCE: tuple[tuple[str, str, str, str], ...] = (
    (_DATA + "/{name}/invocations", "Invocation", "InvocationAnswer", "Query an endpoint"),
    (
        _DATA + "/{name}/served-models/{entity}/invocations",
        "Invocation",
        "InvocationAnswer",
        "Query one served entity of an endpoint",
    ),
    *(
        (prefix + path, *what)
        for prefix in (_DATA, _UNIFIED + "/mlflow/v1", _UNIFIED + "/openai/v1")
        for path, what in (
            ("/chat/completions", _CHAT),
            ("/completions", _COMPLETE),
            ("/embeddings", _EMBED),
            ("/responses", _RESPOND),
        )
    ),
    (_UNIFIED + "/codex/v1/responses", *_RESPOND),
    *((prefix + "/anthropic/v1/messages", *_MESSAGE_CLAUDE) for prefix in (_DATA, _UNIFIED)),
    *(
        (f"{prefix}{_GEMINI}:{method}", *_GENERATE)
        for prefix in (_DATA, _UNIFIED)
        for method in ("generateContent", "streamGenerateContent")
    ),
)
