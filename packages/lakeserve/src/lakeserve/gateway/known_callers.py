"""Remembers whom a header names, so that most calls need no digest."""

from collections.abc import Mapping

from lakeserve.core.identity import Principal, token_digest
from lakeserve.core.ids import now_ms
from lakeserve.core.ports import Snapshot

MAX_KNOWN = 10_000

_NOBODY: Mapping[str, Principal] = {}


class KnownCallers:
    """Principals by the ``Authorization`` header they came with, while no token changes."""

    def __init__(self) -> None:
        self._principals = _NOBODY
        self._known: dict[bytes, Principal] = {}

    def principal(self, authorization: bytes, snapshot: Snapshot) -> Principal | None:
        """Whom a plain, valid bearer token names; ``authenticate`` judges anything else."""
        if snapshot.principals is not self._principals:
            self._principals = snapshot.principals
            self._known = {}
        caller = self._known.get(authorization)
        if caller is None:
            caller = self._look_up(authorization)
        if caller is None or (caller.expires_at is not None and caller.expires_at <= now_ms()):
            return None
        return caller

    def _look_up(self, authorization: bytes) -> Principal | None:
        if not authorization.startswith(b"Bearer "):
            return None
        token = authorization[7:].decode("latin-1")
        caller = self._principals.get(token_digest(token))
        if caller is not None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[authorization] = caller
        return caller
