"""Whom a header names, remembered as long as it is true."""

import pytest
from lakeserve.core.identity import Principal, token_digest
from lakeserve.core.ids import now_ms
from lakeserve.core.ports import Snapshot
from lakeserve.gateway import known_callers
from lakeserve.gateway.known_callers import KnownCallers

ANN = Principal("1", "ann", "Ann")


def snapshot(**tokens: Principal) -> Snapshot:
    return Snapshot(principals={token_digest(token): who for token, who in tokens.items()})


def test_plain_tokens() -> None:
    known, now = KnownCallers(), snapshot(t=ANN)
    for _ in range(2):
        assert known.principal(b"Bearer t", now) is ANN
    for header in (b"", b"Bearer", b"Bearer x", b"bearer t", b"Bearer  t", b"Bearer \xff"):
        assert known.principal(header, now) is None


def test_a_revoked_token_is_forgotten_at_once() -> None:
    known = KnownCallers()
    assert known.principal(b"Bearer t", snapshot(t=ANN)) is ANN
    assert known.principal(b"Bearer t", snapshot(u=ANN)) is None


def test_a_token_expires_while_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    known, soon = KnownCallers(), Principal("1", "ann", "Ann", expires_at=now_ms() + 60_000)
    now = snapshot(t=soon)
    assert known.principal(b"Bearer t", now) is soon
    later = now_ms() + 60_000
    monkeypatch.setattr(known_callers, "now_ms", lambda: later)
    assert known.principal(b"Bearer t", now) is None


def test_it_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_callers, "MAX_KNOWN", 10)
    known, now = KnownCallers(), snapshot(**{f"t{number}": ANN for number in range(100)})
    for number in range(100):
        assert known.principal(b"Bearer t%d" % number, now) is ANN
    assert len(known._known) <= 10
