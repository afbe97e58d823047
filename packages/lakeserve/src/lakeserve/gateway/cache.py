"""Answers that are given again to exactly the same question, in this process's memory.

Who asks does not matter: permission is looked at before the cache is, limits before its answer is
given, and a budget that is spent does not keep it back: it costs nothing. An endpoint's answers are
forgotten with any change of its config, since the change is part of the key.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from cachetools import TLRUCache

from lakeserve.core.endpoints import RoutableEndpoint
from lakeserve.gateway.seams import KeptAnswer
from lakeserve.gateway.task import Question

# What an entry weighs beside its body.
ENTRY_BYTES = 1024
LARGEST_SHARE = 8
MAX_FINGERPRINTS = 10_000

HIT = (b"x-lakeserve-cache", b"hit")

Entry = tuple[KeptAnswer, float, float]  # the answer, when it was kept, when it is too old


class MemoryCache:
    """The gateway's ``AnswerCache``.

    Args:
        max_bytes: What is kept together; the least recently used goes first.
        clock: Seconds that only grow.

    Attributes:
        hits: Questions that were answered from here.
        misses: Those that were not.
    """

    def __init__(self, max_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._max_entry = max_bytes // LARGEST_SHARE
        self._entries: TLRUCache[bytes, Entry] = TLRUCache(
            max_bytes, _expires_at, timer=clock, getsizeof=_weight
        )
        self._fingerprints: dict[str, tuple[RoutableEndpoint, bytes]] = {}
        self.hits = 0
        self.misses = 0

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return int(self._entries.currsize)

    async def find(
        self,
        endpoint: RoutableEndpoint,
        entity: str | None,
        asked: Question,
        headers: Mapping[bytes, bytes],
    ) -> KeptAnswer | None:
        """See ``AnswerCache.find``."""
        wanted = _directives(headers)
        entry = None
        if not wanted.keys() & {"no-cache", "no-store"}:
            entry = self._entries.get(self._key(endpoint, entity, asked))
        age = 0 if entry is None else int(self._clock() - entry[1])
        if entry is None or age > _seconds(wanted.get("max-age")):
            self.misses += 1
            return None
        self.hits += 1
        return entry[0]._replace(headers=(HIT, (b"age", b"%d" % age)))

    def keep(
        self,
        endpoint: RoutableEndpoint,
        entity: str | None,
        asked: Question,
        headers: Mapping[bytes, bytes],
        answer: KeptAnswer,
    ) -> None:
        """See ``AnswerCache.keep``."""
        gateway = endpoint.ai_gateway
        if gateway is None or gateway.cache_ttl_s is None or "no-store" in _directives(headers):
            return
        if len(answer.body) <= self._max_entry:
            now = self._clock()
            entry = (answer, now, now + gateway.cache_ttl_s)
            self._entries[self._key(endpoint, entity, asked)] = entry

    def _key(self, endpoint: RoutableEndpoint, entity: str | None, asked: Question) -> bytes:
        body = orjson.dumps(asked.body, option=orjson.OPT_SORT_KEYS)
        parts = (self._fingerprint(endpoint), asked.operation.encode(), (entity or "").encode())
        return hashlib.blake2b(b"\0".join((*parts, body)), digest_size=20).digest()

    def _fingerprint(self, endpoint: RoutableEndpoint) -> bytes:
        """What of an endpoint its answers depend on; not where its workers happen to listen."""
        known = self._fingerprints.get(endpoint.id)
        if known is not None and known[0] is endpoint:
            return known[1]
        if len(self._fingerprints) >= MAX_FINGERPRINTS:
            self._fingerprints.clear()
        config: list[Any] = [endpoint.id, endpoint.task, repr(endpoint.ai_gateway)]
        for each in endpoint.targets:
            config += (each.entity_id, each.provider, each.upstream_model, repr(each.options))
            config.append(each.weight)
        print_ = hashlib.blake2b(orjson.dumps(config), digest_size=20).digest()
        self._fingerprints[endpoint.id] = (endpoint, print_)
        return print_


def _weight(entry: Entry) -> int:
    return len(entry[0].body) + ENTRY_BYTES


def _expires_at(_key: bytes, entry: Entry, _now: float) -> float:
    return entry[2]


def _directives(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    """What the caller says with ``cache-control``; names in lower case."""
    given = headers.get(b"cache-control")
    if given is None:
        return {}
    directives = {}
    for part in given.decode("latin-1").split(","):
        name, _, value = part.strip().partition("=")
        directives[name.lower()] = value.strip('"')
    return directives


def _seconds(text: str | None) -> float:
    """How old an answer may be; a value that is no number allows none."""
    if text is None:
        return float("inf")
    return float(text[:18]) if text.isascii() and text.isdecimal() else -1.0
