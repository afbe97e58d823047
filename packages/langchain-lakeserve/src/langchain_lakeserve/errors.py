"""Everything that this package raises on its own account.

::

    LakeserveError
    ├── ConfigurationError          (also ValueError) arguments that cannot work
    │   └── CredentialsError        no host or no token to be found
    ├── ConnectionFailedError       (also ConnectionError) no answer
    │   └── StreamInterruptedError  the stream ended before the reply was complete
    ├── DeadlineExceededError       (also TimeoutError) `timeout` ran out
    ├── ReplyError                  an answer that cannot be used
    │   ├── EmptyReplyError         the answer holds no choice
    │   └── NotJSONError            for instance the HTML of a login page
    └── APIError                    the server says that the call failed
        ├── StreamedAPIError        ... in an event of a stream that began well
        └── StatusError             ... with an HTTP status
            ├── BadRequestError         400, 422 and other 4xx
            │   └── RequestTooLargeError    413
            ├── AuthenticationError     401
            ├── PermissionDeniedError   403
            ├── NotFoundError           404
            ├── ConflictError           409
            ├── RateLimitError          429
            └── ServerError             5xx
"""

from __future__ import annotations

__all__ = [
    "APIError",
    "AuthenticationError",
    "BadRequestError",
    "ConfigurationError",
    "ConflictError",
    "ConnectionFailedError",
    "CredentialsError",
    "DeadlineExceededError",
    "EmptyReplyError",
    "LakeserveError",
    "NotFoundError",
    "NotJSONError",
    "PermissionDeniedError",
    "RateLimitError",
    "ReplyError",
    "RequestTooLargeError",
    "ServerError",
    "StatusError",
    "StreamInterruptedError",
    "StreamedAPIError",
]


class LakeserveError(Exception):
    """Root of all errors of this package.

    Example:
        >>> try:
        ...     raise RateLimitError("slow down", status=429)
        ... except LakeserveError as error:
        ...     print(error)
        slow down

    Attributes:
        texts: The texts of the embedding request that failed.
    """

    texts: tuple[str, ...] = ()


class ConfigurationError(LakeserveError, ValueError):
    """The arguments cannot work, whatever the server says."""


class CredentialsError(ConfigurationError):
    """No host or no credential was found, or none could be obtained."""


class ConnectionFailedError(LakeserveError, ConnectionError):
    """The server could not be reached, or the connection broke before an answer came."""


class StreamInterruptedError(ConnectionFailedError):
    """The stream ended before the reply was complete.

    What arrived until then was already handed out; it is never asked for again.
    """


class DeadlineExceededError(LakeserveError, TimeoutError):
    """`timeout` ran out, retries, discovery and credentials included."""


class ReplyError(LakeserveError):
    """The server answered with success, but the answer cannot be used."""


class EmptyReplyError(ReplyError):
    """The reply holds no choice, message or vector."""


class NotJSONError(ReplyError):
    """The reply is not the JSON that was asked for."""


class APIError(LakeserveError):
    """The server says that the call failed.

    Attributes:
        error_code: The server's stable code, such as `RESOURCE_DOES_NOT_EXIST`.
        request_id: The id under which the server logged the call.
        server_text: The server's own message, unchanged.
    """

    def __init__(
        self,
        message: str,
        *,
        error_code: str | None = None,
        request_id: str | None = None,
        server_text: str | None = None,
    ) -> None:
        super().__init__(message)
        self.error_code = error_code
        self.request_id = request_id
        self.server_text = server_text


class StreamedAPIError(APIError):
    """An error event inside a stream that began well."""


class StatusError(APIError):
    """The server answered with an HTTP status that means failure.

    Attributes:
        status: The HTTP status.
        retry_after: Seconds after which the server wants to be asked again, if it said so.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        error_code: str | None = None,
        request_id: str | None = None,
        server_text: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(
            message, error_code=error_code, request_id=request_id, server_text=server_text
        )
        self.status = status
        self.retry_after = retry_after


class BadRequestError(StatusError):
    """400 and other client errors without a class of their own."""


class RequestTooLargeError(BadRequestError):
    """413: the request body is larger than the endpoint takes."""


class AuthenticationError(StatusError):
    """401: no credential, or one that the server does not know."""


class PermissionDeniedError(StatusError):
    """403: the credential does not allow this."""


class NotFoundError(StatusError):
    """404: no such endpoint, or no such API."""


class ConflictError(StatusError):
    """409: the endpoint is being changed."""


class RateLimitError(StatusError):
    """429: too many requests or tokens; see `retry_after`."""


class ServerError(StatusError):
    """5xx: the server or the model behind it failed."""
