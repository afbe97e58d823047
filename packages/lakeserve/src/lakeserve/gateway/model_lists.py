"""Lists of models in the words of two vendors; the models are the endpoints that a caller may ask.

Sources: OpenAI's API reference, "List models" and "Retrieve model"; Anthropic's API reference,
"List Models" and "Get a Model". When a model was made is not known here, and said to be the epoch,
as Anthropic's reference has it for that.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson

from lakeserve.core.endpoints import RoutableEndpoint
from lakeserve.core.errors import BadRequest, ResourceMissing
from lakeserve.core.identity import Principal
from lakeserve.core.ports import Snapshot
from lakeserve.gateway.paths import ModelDialect
from lakeserve.gateway.plan import MISSING_ENDPOINT
from lakeserve.gateway.task import OPERATIONS
from lakeserve.gateway.wording import can_be_asked

DEFAULT_LIMIT = 20
MOST = 1000


def models(
    dialect: ModelDialect, name: str | None, snapshot: Snapshot, caller: Principal, query: bytes
) -> bytes:
    """The models of one interface, as JSON.

    Args:
        dialect: Whose interface it is.
        name: The only model that is asked for, or None for all.
        snapshot: Has the endpoints.
        caller: Gets those that it may query.
        query: Of the request's address; Anthropic's lists come in pages.

    Raises:
        BadRequest: The page is not one that there can be.
        ResourceMissing: There is no such model for the caller.
    """
    is_there, shown, listed = _DIALECTS[dialect]
    found = {
        each: endpoint
        for each, endpoint in sorted(snapshot.endpoints.items())
        if endpoint.targets and is_there(endpoint) and endpoint.callers.include(caller)
    }
    if name is None:
        return orjson.dumps(listed([shown(endpoint) for endpoint in found.values()], query))
    if name not in found:
        raise ResourceMissing(MISSING_ENDPOINT)
    return orjson.dumps(shown(found[name]))


def _is_openais(endpoint: RoutableEndpoint) -> bool:
    return endpoint.task in OPERATIONS or endpoint.task == "agent/v1/responses"


def _openais(endpoint: RoutableEndpoint) -> dict[str, Any]:
    owner = endpoint.targets[0].provider
    return {"id": endpoint.name, "object": "model", "created": 0, "owned_by": owner}


def _openai_list(all_of_them: list[dict[str, Any]], query: bytes) -> dict[str, Any]:
    return {"object": "list", "data": all_of_them}


def _is_anthropics(endpoint: RoutableEndpoint) -> bool:
    return endpoint.task == "llm/v1/chat" and can_be_asked(endpoint, "messages")


def _anthropics(endpoint: RoutableEndpoint) -> dict[str, Any]:
    return {
        "type": "model",
        "id": endpoint.name,
        "display_name": endpoint.targets[0].model_name,
        "created_at": "1970-01-01T00:00:00Z",
    }


def _anthropic_list(all_of_them: list[dict[str, Any]], query: bytes) -> dict[str, Any]:
    asked = dict(parse_qsl(query.decode("latin-1")))
    limit = _limit(asked)
    after, before = asked.get("after_id"), asked.get("before_id")
    rest = [
        each
        for each in all_of_them
        if (after is None or each["id"] > after) and (before is None or each["id"] < before)
    ]
    page = rest[-limit:] if before is not None and after is None else rest[:limit]
    return {
        "data": page,
        "has_more": len(page) < len(rest),
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
    }


def _limit(asked: Mapping[str, str]) -> int:
    given = asked.get("limit", str(DEFAULT_LIMIT))
    is_number = given.isascii() and given.isdecimal() and len(given) <= len(str(MOST))
    if not is_number or not 1 <= int(given) <= MOST:
        raise BadRequest(
            f"Parameter 'limit' must be a number from 1 to {MOST}, not {given[:40]!r}."
        )
    return int(given)


_DIALECTS: Mapping[
    ModelDialect,
    tuple[
        Callable[[RoutableEndpoint], bool],
        Callable[[RoutableEndpoint], dict[str, Any]],
        Callable[[list[dict[str, Any]], bytes], dict[str, Any]],
    ],
] = {
    "openai": (_is_openais, _openais, _openai_list),
    "anthropic": (_is_anthropics, _anthropics, _anthropic_list),
}
