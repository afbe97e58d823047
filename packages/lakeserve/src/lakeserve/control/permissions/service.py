"""The rules of permissions on things of one kind."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from lakeserve.control.permissions.objects import ObjectKind, Protected
from lakeserve.core.accounts import Account
from lakeserve.core.errors import InvalidParameter
from lakeserve.core.grants import Grant
from lakeserve.core.identity import Principal
from lakeserve.storage.database import Storage
from lakeserve.storage.transaction import Transaction

FIELDS = {
    "user": "user_name",
    "group": "group_name",
    "service_principal": "service_principal_name",
}


@dataclass(frozen=True, slots=True)
class Permissions:
    """A thing with its grants.

    Attributes:
        accounts: Of its creator and its grants, by name, as far as they exist.
    """

    object: Protected
    accounts: Mapping[str, Account]


class PermissionService:
    """Who may do what with which thing of a kind.

    Methods raise what the kind says for a thing that the caller may not see, and
    ``PermissionDenied`` when the caller may see it, but not manage it.

    Args:
        storage: Where grants lie.
        kind: Finds the things, and hears of every change: grants decide which calls are answered.
    """

    def __init__(self, storage: Storage, kind: ObjectKind) -> None:
        self._storage = storage
        self.kind = kind

    async def check_may_see(self, object_id: str, caller: Principal) -> None:
        """Raise unless the caller may see the thing."""
        await self._storage.read(lambda tx: self.kind.seen(tx, object_id, caller))

    async def get(self, object_id: str, caller: Principal) -> Permissions:
        """The permissions of a thing."""
        return await self._storage.read(
            lambda tx: _permissions(tx, self.kind.shown(tx, object_id, caller))
        )

    async def replace(
        self, object_id: str, grants: Sequence[Grant], caller: Principal
    ) -> Permissions:
        """Make these the only grants.

        Raises:
            InvalidParameter: A principal does not exist or is named twice, or the thing is
                built in.
        """
        return await self._write(object_id, grants, caller, keep=False)

    async def add(self, object_id: str, grants: Sequence[Grant], caller: Principal) -> Permissions:
        """Grant these, in place of what their principals had.

        Raises:
            InvalidParameter: See :meth:`replace`.
        """
        return await self._write(object_id, grants, caller, keep=True)

    async def _write(
        self, object_id: str, grants: Sequence[Grant], caller: Principal, *, keep: bool
    ) -> Permissions:
        def work(transaction: Transaction) -> Permissions:
            found = self.kind.managed(transaction, object_id, caller)
            _check_principals(transaction, grants)
            before = found.grants if keep else ()
            after = _merged(found.creator, before, grants)
            self.kind.write(transaction, found.id, after)
            return _permissions(transaction, replace(found, grants=after))

        written = await self._storage.write(work)
        await self.kind.changed()
        return written


def _permissions(transaction: Transaction, found: Protected) -> Permissions:
    names = [grant.name for grant in found.grants if grant.kind != "group"]
    if found.creator is not None:
        names.insert(0, found.creator)
    accounts = [transaction.accounts.named(name) for name in names]
    return Permissions(found, {each.name: each for each in accounts if each is not None})


def _merged(
    creator: str | None, before: Iterable[Grant], given: Iterable[Grant]
) -> tuple[Grant, ...]:
    """Grants by principal, the given ones winning; without the creator's, who may everything."""
    merged = {(grant.kind, grant.name): grant for grant in (*before, *given)}
    return tuple(
        merged[each] for each in sorted(merged) if each[0] == "group" or each[1] != creator
    )


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
