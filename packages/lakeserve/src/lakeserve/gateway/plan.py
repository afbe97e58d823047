"""Which endpoint a call asks for, and whether its caller may. Pure."""

from collections.abc import Mapping
from typing import Any

from lakeserve.core.endpoints import RoutableEndpoint
from lakeserve.core.errors import BadRequest, PermissionDenied, ResourceMissing
from lakeserve.core.identity import Principal
from lakeserve.core.ports import Snapshot

MISSING_ENDPOINT = (
    "The given endpoint does not exist, please retry after checking the specified model and"
    " version deployment exists."
)


def permitted(snapshot: Snapshot, caller: Principal, name: str) -> RoutableEndpoint:
    """The endpoint of this name, for a caller that may query it.

    Raises:
        PermissionDenied: The caller may only see it.
        ResourceMissing: There is none, or the caller may not know of it: the same answer for both.
    """
    endpoint = snapshot.endpoints.get(name)
    if endpoint is not None:
        if endpoint.callers.include(caller):
            return endpoint
        if endpoint.viewers.include(caller):
            raise PermissionDenied(f"{caller.name} does not have CAN_QUERY on '{name}'.")
    raise ResourceMissing(MISSING_ENDPOINT)


def model_name(body: Mapping[str, Any]) -> str:
    """The endpoint that a body names as its ``model``.

    Raises:
        BadRequest: It names none.
    """
    if "model" not in body:
        raise BadRequest("Missing required field 'model': the name of the endpoint.")
    name = body["model"]
    if not isinstance(name, str):
        raise BadRequest("Field 'model' must be a string, the name of the endpoint.")
    return name
