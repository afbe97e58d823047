"""What rooms ask of each other; the composition root supplies the answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from lakeserve.core.authentication import SignedTokens
from lakeserve.core.clusters import RoutableCluster
from lakeserve.core.endpoints import Address, RoutableEndpoint
from lakeserve.core.identity import Principal
from lakeserve.core.usage import CallRecord

# What an ``Activator`` knows the platform's own MLflow registry by.
REGISTRY_ID = "mlflow-registry"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the data plane needs to route one call, at one moment.

    Attributes:
        endpoints: By name.
        principals: By ``token_digest`` of their tokens.
        clusters: By cluster id.
        signed: Knows the principals of signed tokens.
    """

    endpoints: Mapping[str, RoutableEndpoint] = field(default_factory=dict)
    principals: Mapping[str, Principal] = field(default_factory=dict)
    clusters: Mapping[str, RoutableCluster] = field(default_factory=dict)
    signed: SignedTokens | None = field(default=None, compare=False)


class Directory(Protocol):
    """Answers with the newest snapshot. Must not block: it is asked on every call."""

    def snapshot(self) -> Snapshot:
        """The newest snapshot."""
        ...


class Activator(Protocol):
    """Brings a local served entity to life for a call that needs it."""

    async def activate(self, entity_id: str) -> Address:
        """Wait until the entity's worker is ready and return where it listens.

        Raises:
            Unavailable: It did not become ready in time, or failed to start.
        """
        ...


class Ledger(Protocol):
    """Keeps what is written down of calls, and the budgets that they use up."""

    def admit(self, endpoint: RoutableEndpoint, requester: str) -> None:
        """Refuse a call that cannot be paid or written down. Asked once per call; never blocks.

        Raises:
            TooManyRequests: A budget is spent.
            Unavailable: Calls cannot be written down now.
        """
        ...

    def record(self, call: CallRecord) -> None:
        """Write a call down so that it outlives this process, before its last byte leaves.

        Must not block on anything but a write to a local file.

        Raises:
            Unavailable: It cannot be written down, so its answer must not leave whole.
        """
        ...

    def unmatched(self, status: int) -> None:
        """Count a request that concerned no endpoint when it was answered with this status."""
        ...


class SecretResolver(Protocol):
    """Turns what a configuration says about a secret into its value."""

    async def resolve(self, reference: str, creator: str) -> str:
        """The value behind ``{{secrets/<scope>/<key>}}``.

        Args:
            reference: The whole reference, braces included.
            creator: Name of the principal whose right to read the scope counts.

        Raises:
            InvalidParameter: The text is not a reference, or scope or key do not exist.
            PermissionDenied: The creator may not read the scope.
        """
        ...

    async def seal(self, value: str) -> str:
        """Ciphertext of a value given in plain text, fit to be stored beside other facts."""
        ...

    async def unseal(self, ciphertext: str) -> str:
        """The value that :meth:`seal` got.

        Raises:
            ConfigurationError: The key that sealed it is not at hand.
        """
        ...


class Changes(Protocol):
    """Hears what the control plane has written."""

    async def endpoints_changed(self) -> None:
        """Let endpoints count as they are stored now; deployments that this starts go on after."""
        ...

    async def clusters_changed(self) -> None:
        """Let clusters and who may reach them count as they are stored now."""
        ...
