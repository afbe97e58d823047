"""Errors of a scoring worker, in the shape of MLflow's own server."""


class ScoringError(Exception):
    """A request that is answered with an error.

    Attributes:
        status: HTTP status.
        error_code: As the protocol names it, such as ``BAD_REQUEST``.
        message: For the caller; never a stack trace.
        retry_after_s: Seconds after which the call may succeed, or None.
    """

    def __init__(
        self, status: int, error_code: str, message: str, *, retry_after_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.status = status
        self.error_code = error_code
        self.message = message

    def body(self) -> dict[str, str]:
        """The JSON object of the error reply."""
        return {"error_code": self.error_code, "message": self.message}


def bad_request(message: str) -> ScoringError:
    """The request cannot be scored."""
    return ScoringError(400, "BAD_REQUEST", message)
