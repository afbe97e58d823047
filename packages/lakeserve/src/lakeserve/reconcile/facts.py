"""The stored facts that decide where calls go, in memory, followed change by change."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from lakeserve.core.authentication import SignedTokens
from lakeserve.core.changes import Changed
from lakeserve.core.clusters import RoutableCluster, routable_cluster
from lakeserve.core.endpoints import Endpoint, Observed
from lakeserve.core.identity import Principal
from lakeserve.core.ids import now_ms
from lakeserve.core.signed_tokens import SignedTokenReader
from lakeserve.storage.database import Storage
from lakeserve.storage.transaction import Transaction

# Longer lists of keys are slower, or too long, to ask for one by one.
MOST_KEYS = 500

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Read:
    """What one look at the database found to put in the place of what was known."""

    revision: int
    endpoints: Mapping[str, Endpoint]
    observed: Mapping[str, Observed]
    principals: Mapping[str, Principal]
    signed: SignedTokens | None
    clusters: Mapping[str, RoutableCluster]
    touched: frozenset[str]


class Facts:
    """Endpoints, principals and clusters as they are stored.

    The mappings are never changed, only replaced: whoever holds one sees one moment. A change costs
    what it changes, and a copy of the references to everything else.

    Args:
        storage: Where they lie.
        observe: Whether to follow also what was seen of served entities.

    Attributes:
        endpoints: By id.
        observed: By entity id; empty unless it is followed.
        principals: By the digest of their tokens.
        signed: Knows the principals of signed tokens.
        clusters: By id.
    """

    def __init__(self, storage: Storage, *, observe: bool = False) -> None:
        self.endpoints: Mapping[str, Endpoint] = {}
        self.observed: Mapping[str, Observed] = {}
        self.principals: Mapping[str, Principal] = {}
        self.signed: SignedTokens | None = None
        self.clusters: Mapping[str, RoutableCluster] = {}
        self.revision = -1
        self._storage = storage
        self._observe = observe
        self._one_at_a_time = asyncio.Lock()

    async def catch_up(self) -> frozenset[str]:
        """Know what is stored now; the first time that is everything.

        Returns:
            The ids of endpoints that are to be looked at anew, those included that are gone.

        Raises:
            Unavailable: The database cannot be read; what was known stays.
        """
        async with self._one_at_a_time:
            now = now_ms()
            found = await self._storage.read(lambda transaction: self._read(transaction, now))
            if found is None:
                return frozenset()
            self.revision = found.revision
            self.endpoints, self.observed = found.endpoints, found.observed
            self.principals, self.signed = found.principals, found.signed
            self.clusters = found.clusters
            return found.touched

    def _read(self, transaction: Transaction, now: int) -> Read | None:
        if self.revision < 0:
            changed = None
            revision = transaction.changes.revision()
        else:
            changed = transaction.changes.since(self.revision)
            revision = changed.revision
            if revision == self.revision:
                return None
        endpoints, touched = self._endpoints(transaction, changed)
        observed, seen = self._observed(transaction, changed, endpoints)
        return Read(
            revision,
            endpoints,
            observed,
            self._principals(transaction, changed, now),
            self._signed(transaction, changed),
            self._clusters(transaction, changed),
            touched | seen,
        )

    def _endpoints(
        self, transaction: Transaction, changed: Changed | None
    ) -> tuple[Mapping[str, Endpoint], frozenset[str]]:
        keys = _few(changed.of("endpoint") if changed else None)
        if keys is None:
            endpoints = {each.id: each for each in transaction.endpoints.all()}
            return endpoints, frozenset(endpoints) | frozenset(self.endpoints)
        if not keys:
            return self.endpoints, keys
        found = {each.id: each for each in transaction.endpoints.with_ids(keys)}
        return _replaced(self.endpoints, keys, found), keys

    def _observed(
        self,
        transaction: Transaction,
        changed: Changed | None,
        endpoints: Mapping[str, Endpoint],
    ) -> tuple[Mapping[str, Observed], frozenset[str]]:
        if not self._observe:
            return self.observed, frozenset()
        keys = _few(changed.of("state") if changed else None)
        if keys is None:
            return transaction.states.observed(), frozenset(endpoints)
        if not keys:
            return self.observed, frozenset()
        found = transaction.states.observed(keys)
        touched = transaction.endpoints.ids_serving(keys)
        return _replaced(self.observed, keys, found), touched

    def _principals(
        self, transaction: Transaction, changed: Changed | None, now: int
    ) -> Mapping[str, Principal]:
        tokens = _few(changed.of("token") if changed else None)
        accounts = _few(changed.of("account") if changed else None)
        if tokens is None or accounts is None:
            return transaction.identity.principals(now)
        principals = self.principals
        if tokens:
            found = transaction.identity.principals(now, digests=tokens)
            principals = _replaced(principals, tokens, found)
        if accounts:
            found = transaction.identity.principals(now, account_ids=accounts)
            gone = {digest for digest, each in principals.items() if each.id in accounts}
            principals = _replaced(principals, gone, found)
        return principals

    def _signed(self, transaction: Transaction, changed: Changed | None) -> SignedTokens | None:
        if changed is not None and not (_any(changed.of("signing"), changed.of("account"))):
            return self.signed
        keys = {key.id: key.public_key for key, _ in transaction.keys.signing_keys()}
        return SignedTokenReader(
            keys,
            transaction.identity.service_principals(),
            transaction.accounts.secret_owners(),
        )

    def _clusters(
        self, transaction: Transaction, changed: Changed | None
    ) -> Mapping[str, RoutableCluster]:
        if changed is not None and not _any(changed.of("cluster")):
            return self.clusters
        return {each.id: routable_cluster(each) for each in transaction.clusters.all()}


def _few(keys: frozenset[str] | None) -> frozenset[str] | None:
    return None if keys is None or len(keys) > MOST_KEYS else keys


def _any(*keys: frozenset[str] | None) -> bool:
    return any(each is None or each for each in keys)


def _replaced(
    known: Mapping[str, Value], outdated: Iterable[str], found: Mapping[str, Value]
) -> Mapping[str, Value]:
    """A copy without what is outdated and with what was found."""
    copy = dict(known)
    for key in outdated:
        copy.pop(key, None)
    copy.update(found)
    return copy
