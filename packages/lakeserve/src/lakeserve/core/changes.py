"""What was changed in the stored facts, for those who keep some of them in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

# What a change can be about, and what its key is:
# "endpoint"   id of an endpoint: itself, its entities, grants, and whatever else hangs on it
# "account"    id of a user or service principal, for the principals of its tokens
# "token"      digest of a token
# "cluster"    id of a cluster
# "signing"    id of a key that signs tokens
# "state"      id of a served entity: what was seen of it
Subject = Literal["endpoint", "account", "token", "cluster", "signing", "state"]

# In place of a key: anything of the subject may have changed.
EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class Changed:
    """What was changed since a revision.

    Attributes:
        revision: The newest one; nothing up to it is missing.
        keys: By subject, those of which something changed.
    """

    revision: int
    keys: Mapping[Subject, frozenset[str]] = field(default_factory=dict)

    def of(self, subject: Subject) -> frozenset[str] | None:
        """The changed keys, or None when anything of the subject may have changed."""
        keys = self.keys.get(subject, frozenset())
        return None if EVERYTHING in keys else keys
