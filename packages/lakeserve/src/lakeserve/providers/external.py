"""What most vendors outside have in common."""

from collections.abc import Mapping

from lakeserve.core.endpoints import Target
from lakeserve.core.errors import WireError
from lakeserve.providers.base import Asked, EventTranslator, Framing, Operation, external_error


class ExternalProvider:
    """The part of a ``Provider`` that is the same unless a vendor says otherwise.

    Attributes:
        name: See ``Provider.name``.
    """

    name: str
    restartable = False

    def speaks(self, target: Target, operation: Operation) -> bool:
        """It has none of the operations that others invented."""
        return False

    def events(self, asked: Asked) -> EventTranslator | None:
        """Nothing is translated: there are no streams, or they pass as they are."""
        return None

    def framing(self, asked: Asked) -> Framing | None:
        """Streams, where there are any, are server-sent events."""
        return None

    def error(self, status: int, body: bytes, headers: Mapping[str, str]) -> WireError:
        """The vendor's error as JSON text, marked with the provider's name."""
        return external_error(self.name, status, body, headers)
