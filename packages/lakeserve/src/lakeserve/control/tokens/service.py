"""The rules of personal access tokens."""

from collections.abc import Mapping

from lakeserve.control.authorization import LiveDirectory, require_admin
from lakeserve.core.errors import InvalidParameter, PermissionDenied, ResourceMissing
from lakeserve.core.grants import grantees
from lakeserve.core.identity import Principal, new_token, new_token_id, token_digest
from lakeserve.core.ids import now_ms
from lakeserve.core.tokens import TokenFacts, check_comment, expiry
from lakeserve.storage.database import Storage
from lakeserve.storage.transaction import Transaction


class TokenService:
    """Makes, lists and revokes tokens; every change counts at once.

    Args:
        storage: Keeps digests, never values.
        directory: Told about every change.
    """

    def __init__(self, storage: Storage, directory: LiveDirectory) -> None:
        self._storage = storage
        self._directory = directory

    async def create(
        self, caller: Principal, comment: str, lifetime_seconds: int | None
    ) -> tuple[str, TokenFacts]:
        """A new token of the caller and its value, which is known this one time.

        Raises:
            PermissionDenied: The caller may not make tokens.
            InvalidParameter: Comment or lifetime is not accepted.
        """
        granted = await self._storage.read(lambda tx: tx.grants.all_on("authorization"))
        if not grantees(None, granted.get("tokens", ()), "CAN_USE").include(caller):
            raise PermissionDenied(
                f"{caller.name} may not make tokens: that takes CAN_USE on"
                " '/authorization/tokens', which an administrator grants."
            )
        return await self._create(caller.id, caller, comment, lifetime_seconds)

    async def create_for(
        self, caller: Principal, application_id: str, comment: str, lifetime_seconds: int | None
    ) -> tuple[str, TokenFacts]:
        """A new token of a service principal and its value.

        Raises:
            PermissionDenied: The caller is no administrator.
            ResourceMissing: There is no such active service principal.
        """
        require_admin(caller, "make tokens on behalf of service principals")
        owner = await self._storage.read(
            lambda transaction: transaction.identity.service_principals().get(application_id)
        )
        if owner is None:
            raise ResourceMissing(
                f"An active service principal with application id '{application_id}' does not"
                " exist."
            )
        return await self._create(owner.id, caller, comment, lifetime_seconds)

    async def _create(
        self, owner_id: str, caller: Principal, comment: str, lifetime_seconds: int | None
    ) -> tuple[str, TokenFacts]:
        now = now_ms()
        check_comment(comment)
        facts = TokenFacts(
            id=new_token_id(),
            owner_id=owner_id,
            comment=comment,
            created_by=caller.id,
            created_at=now,
            expires_at=expiry(lifetime_seconds, now),
        )
        value = new_token()
        digest = token_digest(value)
        await self._storage.write(lambda transaction: transaction.tokens.create(facts, digest))
        await self._directory.refresh_principals()
        return value, facts

    async def own(self, caller: Principal) -> tuple[TokenFacts, ...]:
        """The caller's tokens."""
        return await self._storage.read(lambda transaction: transaction.tokens.of(caller.id))

    async def everyones(
        self, caller: Principal
    ) -> tuple[tuple[TokenFacts, ...], Mapping[str, str]]:
        """All tokens, and the names of users and service principals by their ids.

        Raises:
            PermissionDenied: The caller is no administrator.
        """
        require_admin(caller, "see the tokens of others")
        return await self._storage.read(
            lambda transaction: (transaction.tokens.all(), transaction.identity.names())
        )

    async def find(self, caller: Principal, token_id: str) -> tuple[TokenFacts, Mapping[str, str]]:
        """One token, and the names of users and service principals by their ids.

        Raises:
            PermissionDenied: The caller is no administrator.
            ResourceMissing: There is no such token.
        """
        require_admin(caller, "see the tokens of others")
        return await self._storage.read(
            lambda transaction: (
                _find(transaction, token_id, owner_id=None),
                transaction.identity.names(),
            )
        )

    async def set_comment(
        self, caller: Principal, token_id: str, comment: str, *, of_anyone: bool
    ) -> None:
        """Replace a token's comment; ``of_anyone`` takes an administrator.

        Raises:
            ResourceMissing: There is no such token, or it is somebody else's.
        """
        owner_id = _owner(caller, of_anyone=of_anyone)
        check_comment(comment)

        def work(transaction: Transaction) -> None:
            facts = _find(transaction, token_id, owner_id)
            transaction.tokens.set_comment(facts.id, comment)

        await self._storage.write(work)

    async def delete(self, caller: Principal, token_id: str, *, of_anyone: bool) -> None:
        """Revoke a token; ``of_anyone`` takes an administrator.

        Raises:
            ResourceMissing: There is no such token, or it is somebody else's.
            InvalidParameter: It is the token of the settings.
        """
        owner_id = _owner(caller, of_anyone=of_anyone)

        def work(transaction: Transaction) -> None:
            facts = _find(transaction, token_id, owner_id)
            if facts.from_settings:
                raise InvalidParameter(
                    f"Token '{token_id}' comes from the setting 'token' and would be back at the"
                    " next start; change it there."
                )
            transaction.tokens.delete(facts.id)

        try:
            await self._storage.write(work)
        finally:
            # In any case: who repeats a call whose refresh failed finds the token gone, and it has
            # to stop working all the same.
            await self._directory.refresh_principals()


def _owner(caller: Principal, *, of_anyone: bool) -> str | None:
    if of_anyone:
        require_admin(caller, "change the tokens of others")
        return None
    return caller.id


def _find(transaction: Transaction, token_id: str, owner_id: str | None) -> TokenFacts:
    facts = transaction.tokens.find(token_id)
    if facts is None or (owner_id is not None and facts.owner_id != owner_id):
        raise ResourceMissing(f"Token with id '{token_id}' does not exist.")
    return facts
