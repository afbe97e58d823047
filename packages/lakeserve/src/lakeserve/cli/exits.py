"""How commands end: the exit statuses, and the errors that lead to them.

0  done
1  the platform or workspace refused, or something failed
2  wrong usage
3  nobody was reached, or nobody who knows the credentials
"""

from lakeserve.core.errors import LakeserveError

FAILED = 1
UNREACHED = 3


class ServerError(LakeserveError):
    """The platform or workspace refused a call; the text is its own."""


class Unreached(LakeserveError):
    """There is no platform or workspace, or it does not accept the credentials."""


def status_of(error: LakeserveError) -> int:
    """The exit status that an error leads to."""
    return UNREACHED if isinstance(error, Unreached) else FAILED
