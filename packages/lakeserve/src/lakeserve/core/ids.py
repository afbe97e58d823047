"""Identifiers in the shapes that clients know."""

import hashlib
import itertools
import os
import secrets
import time
import uuid


class _RequestIds:
    """Ids of one process: what was drawn for it once, and a count.

    A process that is forked draws anew, or it would give the ids of its parent again.
    """

    def __init__(self) -> None:
        self.renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.renew)

    def renew(self) -> None:
        """Draw."""
        self.process = str(uuid.uuid4())[:24]
        self.numbers = itertools.count(secrets.randbelow(1 << 47))


_request_ids = _RequestIds()


def object_id() -> str:
    """A fresh 32-hex-digit id, as endpoints and served entities carry."""
    return secrets.token_hex(16)


def numeric_id() -> str:
    """A fresh id of 16 decimal digits, as users and groups carry."""
    return str(10**15 + secrets.randbelow(9 * 10**15))


def stable_object_id(*parts: str) -> str:
    """The same 32-hex-digit id for the same parts, for objects that every start recreates."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def request_id() -> str:
    """A fresh request id in the shape of a UUID; unique, not secret."""
    ids = _request_ids
    return f"{ids.process}{next(ids.numbers):012x}"


def now_ms() -> int:
    """The present time in epoch milliseconds."""
    return time.time_ns() // 1_000_000
