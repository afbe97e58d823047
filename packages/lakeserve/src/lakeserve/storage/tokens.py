"""Personal access tokens: digests and what listings show."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from lakeserve.core.tokens import TokenFacts
from lakeserve.storage.changes import note
from lakeserve.storage.tables import tokens


class TokenRepository:
    """Reads and writes tokens inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create(self, facts: TokenFacts, digest: str) -> None:
        """Write a new token."""
        note(self._connection, "token", digest)
        self._connection.execute(
            insert(tokens),
            {
                "digest": digest,
                "id": facts.id,
                "user_id": facts.owner_id,
                "origin": "api",
                "comment": facts.comment,
                "created_by": facts.created_by,
                "created_at": facts.created_at,
                "expires_at": facts.expires_at,
            },
        )

    def all(self) -> tuple[TokenFacts, ...]:
        """Every token, oldest first."""
        return self._select()

    def of(self, owner_id: str) -> tuple[TokenFacts, ...]:
        """The tokens of one user or service principal, oldest first."""
        return self._select(tokens.c.user_id == owner_id)

    def find(self, token_id: str) -> TokenFacts | None:
        """The token of that id."""
        return next(iter(self._select(tokens.c.id == token_id)), None)

    def set_comment(self, token_id: str, comment: str) -> None:
        """Replace the comment of a token."""
        changed = self._connection.scalars(
            update(tokens)
            .where(tokens.c.id == token_id)
            .values(comment=comment)
            .returning(tokens.c.digest)
        )
        self._note(changed)

    def delete(self, token_id: str) -> None:
        """Forget a token."""
        deleted = self._connection.scalars(
            delete(tokens).where(tokens.c.id == token_id).returning(tokens.c.digest)
        )
        self._note(deleted)

    def _note(self, digests: Iterable[str]) -> None:
        for digest in digests:
            note(self._connection, "token", digest)

    def _select(self, *conditions: ColumnElement[bool]) -> tuple[TokenFacts, ...]:
        rows = self._connection.execute(
            select(tokens).where(*conditions).order_by(tokens.c.created_at, tokens.c.id)
        )
        return tuple(_facts(row) for row in rows)


def _facts(row: Row[tuple[object, ...]]) -> TokenFacts:
    return TokenFacts(
        id=row.id,
        owner_id=row.user_id,
        comment=row.comment,
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        from_settings=row.origin == "settings",
    )
