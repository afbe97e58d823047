"""How an exchange with an upstream can fail before its reply is whole.

UpstreamFailure
├── ConnectFailed      no connection came to be
├── ConnectionCut      the connection ended before the reply did
├── TimedOut           it took longer than it may
└── MalformedReply     what arrived is not HTTP, or larger than allowed
"""


class UpstreamFailure(Exception):
    """An exchange failed.

    Attributes:
        reason: For people; holds neither addresses nor credentials.
        received: Whether any byte of the reply had arrived, so that sending again could repeat
            work whose result was on its way.
    """

    def __init__(self, reason: str, *, received: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.received = received


class ConnectFailed(UpstreamFailure):
    """Nothing listens, the name is unknown, the certificate is refused, or it took too long."""


class ConnectionCut(UpstreamFailure):
    """The upstream closed or reset the connection."""


class TimedOut(UpstreamFailure):
    """The upstream took longer than its endpoint lets it."""


class MalformedReply(UpstreamFailure):
    """The upstream does not speak HTTP/1.1 as a client may expect it."""
