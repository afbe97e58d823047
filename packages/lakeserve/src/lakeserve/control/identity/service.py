"""The rules of users, service principals and groups."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from lakeserve.control.authorization import LiveDirectory, require_admin
from lakeserve.control.bootstrap import ADMINISTRATOR
from lakeserve.control.identity.scim import (
    Operation,
    changed_members,
    changed_values,
    member_ids,
)
from lakeserve.core.accounts import Account, AccountKind, Group
from lakeserve.core.errors import InvalidParameter, ResourceConflict, ResourceMissing
from lakeserve.core.identity import Principal
from lakeserve.core.ids import now_ms, numeric_id
from lakeserve.core.ports import Changes
from lakeserve.storage.database import Storage
from lakeserve.storage.transaction import Transaction

Result = TypeVar("Result")

NAME_CHARACTERS = 256
CHANGE = "change users, service principals and groups"
NOUNS: Mapping[AccountKind, str] = {"user": "User", "service_principal": "Service principal"}

# What SCIM bodies hold besides; the attributes that are not kept are taken without a word.
ACCOUNT_ATTRIBUTES = (
    "userName",
    "applicationId",
    "displayName",
    "active",
    "externalId",
    "entitlements",
    "roles",
)
FORGOTTEN_ATTRIBUTES = ("emails", "name")
GROUP_ATTRIBUTES = ("displayName", "externalId", "members")


@dataclass(frozen=True, slots=True)
class Directory:
    """Accounts of one kind or all of them, and every group, as they were at one moment."""

    accounts: tuple[Account, ...]
    groups: tuple[Group, ...]


class IdentityService:
    """Reads for everyone, changes for administrators; every change counts at once.

    Changes raise ``PermissionDenied`` for others, ``ResourceMissing`` for what does not exist,
    ``InvalidParameter`` for values that are not accepted and ``ResourceConflict`` for a taken name.
    """

    def __init__(self, storage: Storage, directory: LiveDirectory, changes: Changes) -> None:
        self._storage = storage
        self._directory = directory
        self._changes = changes

    async def accounts(self, kind: AccountKind) -> Directory:
        """All users, or all service principals."""
        return await self._storage.read(
            lambda tx: Directory(tx.accounts.all(kind), tx.accounts.groups())
        )

    async def account(self, kind: AccountKind | None, account_id: str) -> Directory:
        """One account.

        Raises:
            ResourceMissing: There is none of that id and kind.
        """
        return await self._storage.read(
            lambda tx: Directory((_account(tx, kind, account_id),), tx.accounts.groups())
        )

    async def groups(self) -> Directory:
        """All groups, with every account that can be in one."""
        return await self._storage.read(_everything)

    async def group(self, group_id: str) -> Directory:
        """One group, with every account that can be in it.

        Raises:
            ResourceMissing: There is none of that id.
        """

        def work(transaction: Transaction) -> Directory:
            known = _everything(transaction)
            return replace(known, groups=(_group(known, group_id),))

        return await self._storage.read(work)

    async def create_account(
        self, caller: Principal, kind: AccountKind, body: Mapping[str, Any]
    ) -> Account:
        """Make a user or service principal."""
        require_admin(caller, CHANGE)
        given = settings_of(body)
        field = "userName" if kind == "user" else "applicationId"
        name = body.get(field)
        if kind == "service_principal" and name is None:
            name = str(uuid.uuid4())
        checked = _text(field, name)
        blank = Account(
            id=numeric_id(),
            kind=kind,
            name=checked,
            display_name=checked if kind == "user" else _text("displayName", _display(body)),
            created_at=now_ms(),
        )
        account = _with(blank, given)

        def work(transaction: Transaction) -> None:
            _refuse_taken(transaction, account.name)
            transaction.accounts.save(account)

        await self._change(work)
        return account

    async def update_account(
        self,
        caller: Principal,
        kind: AccountKind,
        account_id: str,
        changes: Sequence[Operation],
    ) -> Account:
        """Change an account."""
        require_admin(caller, CHANGE)

        def work(transaction: Transaction) -> Account:
            before = _account(transaction, kind, account_id)
            after = _with(before, changes)
            if before.id == ADMINISTRATOR.id and not after.active:
                raise InvalidParameter(
                    "Field 'active' cannot be false for the administrator of the settings."
                )
            transaction.accounts.save(after)
            return after

        return await self._change(work)

    async def delete_account(self, caller: Principal, kind: AccountKind, account_id: str) -> None:
        """Forget an account, its credentials and what was granted to it."""
        require_admin(caller, CHANGE)

        def work(transaction: Transaction) -> None:
            account = _account(transaction, kind, account_id)
            if account.id == ADMINISTRATOR.id:
                raise InvalidParameter("The administrator of the settings cannot be deleted.")
            transaction.accounts.delete(account.id)
            transaction.secrets.forget_principal(account.name)
            transaction.grants.forget(account.kind, account.name)

        await self._change(work, touches_grants=True)

    async def create_group(self, caller: Principal, body: Mapping[str, Any]) -> Directory:
        """Make a group; answers with it and every account that can be in it."""
        require_admin(caller, CHANGE)
        name = _text("displayName", body.get("displayName"))
        external_id = body.get("externalId")
        blank = Group(
            id=numeric_id(),
            name=name,
            created_at=now_ms(),
            external_id=None if external_id is None else _text("externalId", external_id),
        )
        members = member_ids(body.get("members") or [])

        def work(transaction: Transaction) -> Directory:
            _refuse_taken(transaction, name)
            group = replace(blank, member_ids=tuple(sorted(set(members))))
            return _save_group(transaction, _everything(transaction), group)

        return await self._change(work)

    async def update_group(
        self, caller: Principal, group_id: str, changes: Sequence[Operation]
    ) -> Directory:
        """Change a group; answers with it and every account that can be in it."""
        require_admin(caller, CHANGE)

        def work(transaction: Transaction) -> Directory:
            known = _everything(transaction)
            before = after = _group(known, group_id)
            for change in changes:
                after = _changed_group(after, change)
            if before.is_built_in:
                _check_built_in(before, after)
            if after.name != before.name:
                _refuse_taken(transaction, after.name)
                transaction.secrets.rename_principal(before.name, after.name)
                transaction.grants.rename_group(before.name, after.name)
            return _save_group(transaction, known, after)

        renames = any(change.attribute == "displayName" for change in changes)
        return await self._change(work, touches_grants=renames)

    async def delete_group(self, caller: Principal, group_id: str) -> None:
        """Forget a group and what was granted to it."""
        require_admin(caller, CHANGE)

        def work(transaction: Transaction) -> None:
            group = _group(_everything(transaction), group_id)
            if group.is_built_in:
                raise InvalidParameter(f"The built-in group '{group.name}' cannot be deleted.")
            transaction.accounts.delete_group(group.id)
            transaction.secrets.forget_principal(group.name)
            transaction.grants.forget("group", group.name)

        await self._change(work, touches_grants=True)

    async def _change(
        self, work: Callable[[Transaction], Result], *, touches_grants: bool = False
    ) -> Result:
        try:
            return await self._storage.write(work)
        finally:
            # In any case: who repeats a call whose refresh failed may find nothing left to change.
            await self._directory.refresh_principals()
            if touches_grants:
                await self._changes.endpoints_changed()


def _everything(transaction: Transaction) -> Directory:
    accounts = (*transaction.accounts.all("user"), *transaction.accounts.all("service_principal"))
    return Directory(accounts, transaction.accounts.groups())


def _account(transaction: Transaction, kind: AccountKind | None, account_id: str) -> Account:
    account = transaction.accounts.find(account_id, kind)
    if account is None:
        noun = "Account" if kind is None else NOUNS[kind]
        raise ResourceMissing(f"{noun} with id '{account_id}' does not exist.")
    return account


def _group(known: Directory, group_id: str) -> Group:
    for group in known.groups:
        if group.id == group_id:
            return group
    raise ResourceMissing(f"Group with id '{group_id}' does not exist.")


def _save_group(transaction: Transaction, known: Directory, group: Group) -> Directory:
    unknown = set(group.member_ids) - {account.id for account in known.accounts}
    if unknown:
        raise InvalidParameter(
            f"Field 'members' names '{min(unknown)}': there is no user or service principal of"
            " that id. Groups inside groups are not kept."
        )
    transaction.accounts.save_group(group)
    return replace(_everything(transaction), groups=(group,))


def _changed_group(group: Group, change: Operation) -> Group:
    if change.attribute == "displayName":
        return replace(group, name=_text("displayName", change.value))
    if change.attribute == "externalId":
        return replace(group, external_id=_text("externalId", change.value))
    return replace(group, member_ids=changed_members(group.member_ids, change))


def _check_built_in(before: Group, after: Group) -> None:
    if after.name != before.name:
        raise InvalidParameter(f"The built-in group '{before.name}' cannot be renamed.")
    if before.name == "users" and after.member_ids != before.member_ids:
        raise InvalidParameter("Everyone is in the group 'users'; its members cannot be changed.")
    if before.name == "admins" and ADMINISTRATOR.id not in after.member_ids:
        raise InvalidParameter("The administrator of the settings cannot leave the group 'admins'.")


def settings_of(body: Mapping[str, Any]) -> list[Operation]:
    """The attributes that a body sets, each to its whole value.

    Raises:
        InvalidParameter: It wants to write groups.
    """
    if body.get("groups"):
        raise InvalidParameter("Field 'groups' cannot be written; change the members of the group.")
    return [Operation("set", each, body[each]) for each in ACCOUNT_ATTRIBUTES if each in body]


def _with(account: Account, changes: Sequence[Operation]) -> Account:
    for change in changes:
        account = _changed_account(account, change)
    return account


def _changed_account(account: Account, change: Operation) -> Account:
    attribute, value = change.attribute, change.value
    if attribute == "displayName":
        return replace(account, display_name=_text(attribute, value))
    if attribute == "externalId":
        external_id = None if value is None else _text(attribute, value)
        return replace(account, external_id=external_id)
    if attribute == "active":
        return replace(account, active=_flag(attribute, value))
    if attribute == "entitlements":
        return replace(account, entitlements=changed_values(account.entitlements, change))
    if attribute == "roles":
        return replace(account, roles=changed_values(account.roles, change))
    if attribute in {"userName", "applicationId"} and value != account.name:
        raise InvalidParameter(
            f"Field '{attribute}' cannot be changed from '{account.name}' to '{value}': what"
            " was granted is granted to the name."
        )
    return account


def _display(body: Mapping[str, Any]) -> object:
    return body.get("displayName") or body.get("applicationId") or "service principal"


def _text(field: str, value: object) -> str:
    if not isinstance(value, str) or not _is_name(value):
        shown = "no value" if value is None else f"the value {str(value)[:NAME_CHARACTERS]!r}"
        raise InvalidParameter(
            f"Field '{field}' has {shown}; accepted: a text of 1 to {NAME_CHARACTERS} printable"
            " characters."
        )
    return value


def _is_name(text: str) -> bool:
    return text.isprintable() and bool(text.strip()) and len(text) <= NAME_CHARACTERS


def _flag(field: str, value: object) -> bool:
    flags = {"true": True, "false": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in flags:
        return flags[value.lower()]
    raise InvalidParameter(f"Field '{field}' has the value {value!r}; accepted: true, false.")


def _refuse_taken(transaction: Transaction, name: str) -> None:
    # Grants name users, service principals and groups alike, so their names must differ.
    if transaction.identity.knows(name):
        raise ResourceConflict(
            f"A user, service principal or group with the name '{name}' already exists."
        )
