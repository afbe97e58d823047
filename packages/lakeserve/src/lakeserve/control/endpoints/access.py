"""What a caller may do with an endpoint, and the errors that say so without saying too much."""

from lakeserve.core.endpoints import Endpoint
from lakeserve.core.errors import InvalidParameter, PermissionDenied, ResourceMissing
from lakeserve.core.identity import Principal
from lakeserve.core.permissions import level_of


def visible(endpoint: Endpoint | None, caller: Principal, named: str) -> Endpoint:
    """The endpoint, when there is one that the caller may see.

    Args:
        endpoint: What was found.
        caller: Who asks.
        named: How the caller named it, such as ``name 'x'``.

    Raises:
        ResourceMissing: There is none, or the caller may not know of it.
    """
    if endpoint is None or level_of(endpoint, caller) is None:
        raise ResourceMissing(f"Endpoint with {named} does not exist.")
    return endpoint


def check_may_manage(endpoint: Endpoint, caller: Principal) -> None:
    """Refuse a caller who may see an endpoint, but not change it.

    Raises:
        InvalidParameter: Nobody may: it is a built-in one.
        PermissionDenied: The caller may not.
    """
    if endpoint.endpoint_type == "FOUNDATION_MODEL_API":
        raise InvalidParameter(
            f"Endpoint '{endpoint.name}' is a built-in Foundation Model endpoint and cannot be"
            " changed or deleted here; the setting 'foundation' chooses what serves it."
        )
    if level_of(endpoint, caller) != "CAN_MANAGE":
        raise PermissionDenied(f"{caller.name} does not have CAN_MANAGE on '{endpoint.name}'.")
