"""Identifiers in the shapes that clients know."""

import hashlib
import itertools
import secrets
import time
import uuid

# Of this process, drawn once; a count makes each of its ids another one.
_PROCESS = str(uuid.uuid4())[:24]
_numbers = itertools.count(secrets.randbelow(1 << 47))


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
    return f"{_PROCESS}{next(_numbers):012x}"


def now_ms() -> int:
    """The present time in epoch milliseconds."""
    return time.time_ns() // 1_000_000
