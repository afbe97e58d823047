"""The rules of permissions on serving endpoints."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lakeserve.control.endpoints.access import check_may_manage, visible
from lakeserve.core.accounts import Account
from lakeserve.core.endpoints import Endpoint
from lakeserve.core.errors import InvalidParameter
from lakeserve.core.grants import Grant
from lakeserve.core.identity import Principal
from lakeserve.core.ports import Changes
from lakeserve.storage.database import Storage
from lakeserve.storage.transaction import Transaction

FIELDS = {
    "user": "user_name",
    "group": "group_name",
    "service_principal": "service_principal_name",
}


@dataclass(frozen=True, slots=True)
class Permissions:
    """An endpoint with its grants.

    Attributes:
        accounts: Of its creator and its grants, by name, as far as they exist.
    """

    endpoint: Endpoint
    accounts: Mapping[str, Account]


class PermissionService:
    """Who may do what with which endpoint.

    Methods raise ``ResourceMissing`` when there is no endpoint of that id that the caller may see,
    and ``PermissionDenied`` when the caller may see it, but not manage it.

    Args:
        storage: Where grants lie.
        changes: Hears of every change: grants decide which calls are answered.
    """

    def __init__(self, storage: Storage, changes: Changes) -> None:
        self._storage = storage
        self._changes = changes

    async def check_may_see(self, endpoint_id: str, caller: Principal) -> None:
        """Raise unless the caller may see the endpoint."""
        await self._storage.read(lambda transaction: _find(transaction, endpoint_id, caller))

    async def get(self, endpoint_id: str, caller: Principal) -> Permissions:
        """The permissions of an endpoint. Those of a built-in one are no secret."""

        def work(transaction: Transaction) -> Permissions:
            endpoint = _find(transaction, endpoint_id, caller)
            if endpoint.endpoint_type != "FOUNDATION_MODEL_API":
                check_may_manage(endpoint, caller)
            return _permissions(transaction, endpoint)

        return await self._storage.read(work)

    async def replace(
        self, endpoint_id: str, grants: Sequence[Grant], caller: Principal
    ) -> Permissions:
        """Make these the only grants.

        Raises:
            InvalidParameter: A principal does not exist or is named twice, or the endpoint is
                built in.
        """
        return await self._write(endpoint_id, grants, caller, keep=False)

    async def add(
        self, endpoint_id: str, grants: Sequence[Grant], caller: Principal
    ) -> Permissions:
        """Grant these, in place of what their principals had.

        Raises:
            InvalidParameter: See :meth:`replace`.
        """
        return await self._write(endpoint_id, grants, caller, keep=True)

    async def _write(
        self, endpoint_id: str, grants: Sequence[Grant], caller: Principal, *, keep: bool
    ) -> Permissions:
        def work(transaction: Transaction) -> Permissions:
            endpoint = _find(transaction, endpoint_id, caller)
            check_may_manage(endpoint, caller)
            _check_principals(transaction, grants)
            before = endpoint.grants if keep else ()
            transaction.grants.replace(endpoint.id, _merged(endpoint.creator, before, grants))
            return _permissions(transaction, _find_again(transaction, endpoint))

        written = await self._storage.write(work)
        await self._changes.endpoints_changed()
        return written


def _find(transaction: Transaction, endpoint_id: str, caller: Principal) -> Endpoint:
    return visible(transaction.endpoints.with_id(endpoint_id), caller, f"ID '{endpoint_id}'")


def _find_again(transaction: Transaction, endpoint: Endpoint) -> Endpoint:
    return transaction.endpoints.with_id(endpoint.id) or endpoint


def _permissions(transaction: Transaction, endpoint: Endpoint) -> Permissions:
    names = [grant.name for grant in endpoint.grants if grant.kind != "group"]
    found = [transaction.accounts.named(name) for name in (endpoint.creator, *names)]
    return Permissions(endpoint, {each.name: each for each in found if each is not None})


def _merged(creator: str, before: Iterable[Grant], given: Iterable[Grant]) -> list[Grant]:
    """Grants by principal, the given ones first; without the creator's, who may everything."""
    merged = {(grant.kind, grant.name): grant for grant in (*before, *given)}
    return [each for each in merged.values() if each.kind == "group" or each.name != creator]


def _check_principals(transaction: Transaction, grants: Sequence[Grant]) -> None:
    seen = set()
    for index, grant in enumerate(grants):
        field = f"access_control_list.{index}.{FIELDS[grant.kind]}"
        if _kind(transaction, grant.name) != grant.kind:
            noun = grant.kind.replace("_", " ")
            raise InvalidParameter(
                f"Field '{field}' names '{grant.name[:256]}': there is no {noun} of that name."
            )
        if grant.name in seen:
            raise InvalidParameter(f"Field '{field}' names '{grant.name}' a second time.")
        seen.add(grant.name)


def _kind(transaction: Transaction, name: str) -> str | None:
    """What has a name. Users, service principals and groups have different ones."""
    account = transaction.accounts.named(name)
    if account is not None:
        return account.kind
    return "group" if transaction.identity.knows(name) else None
