"""What a platform tells the gateway processes that it starts."""

import json
from dataclasses import dataclass
from pathlib import Path

from lakeserve.app.sockets import Sockets
from lakeserve.settings import Settings, handed_over, taken_over


@dataclass(frozen=True, slots=True)
class Orders:
    """Written as one line to a gateway's standard input: secrets are in it.

    Attributes:
        descriptor: Of the listening socket that it inherits.
        number: Tells it from the other gateways of its platform.
        sockets: Where it finds the platform.
        tls_descriptor: Of the listening socket for https, or None.
    """

    settings: Settings
    descriptor: int
    number: int
    sockets: Sockets
    tls_descriptor: int | None = None

    def text(self) -> str:
        """One line of JSON."""
        return json.dumps(
            {
                "settings": handed_over(self.settings),
                "descriptor": self.descriptor,
                "number": self.number,
                "http": str(self.sockets.http),
                "link": str(self.sockets.link),
                "tls_descriptor": self.tls_descriptor,
            }
        )

    @classmethod
    def read(cls, text: str) -> "Orders":
        """What :meth:`text` has written."""
        given = json.loads(text)
        return cls(
            taken_over(given["settings"]),
            given["descriptor"],
            given["number"],
            Sockets(Path(given["http"]), Path(given["link"])),
            given["tls_descriptor"],
        )
