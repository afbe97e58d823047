"""Who calls the control plane."""

from collections.abc import Callable
from typing import Protocol

from fastapi import Request

from lakeserve.core.authentication import authenticate
from lakeserve.core.errors import PermissionDenied
from lakeserve.core.identity import Principal
from lakeserve.core.ports import Directory


class LiveDirectory(Directory, Protocol):
    """A directory that can be told that who may call has changed."""

    async def refresh_principals(self) -> None:
        """Let tokens, users and groups count as they are stored now."""
        ...


Caller = Callable[[Request], Principal]


def caller_of(directory: Directory) -> Caller:
    """A dependency that names the principal of a request, or raises as ``authenticate`` does."""

    def caller(request: Request) -> Principal:
        known = directory.snapshot()
        return authenticate(request.headers.get("authorization"), known.principals, known.signed)

    return caller


def require_admin(caller: Principal, what: str) -> None:
    """Refuse a caller who is no administrator.

    Args:
        caller: Who calls.
        what: What takes an administrator, as an infinitive without "to".

    Raises:
        PermissionDenied: It is none.
    """
    if not caller.admin:
        raise PermissionDenied(f"{caller.name} may not {what}: that takes an administrator.")
