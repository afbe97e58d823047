"""What can go wrong, and how each case looks on the wire.

    LakeserveError
    ├── WireError                    carries an HTTP status and an error_code
    │   ├── InvalidParameter         400 INVALID_PARAMETER_VALUE
    │   ├── BadRequest               400 BAD_REQUEST
    │   ├── Unauthenticated          401 UNAUTHENTICATED
    │   ├── PermissionDenied         403 PERMISSION_DENIED
    │   ├── ResourceMissing          404 RESOURCE_DOES_NOT_EXIST
    │   ├── ResourceConflict         409 RESOURCE_CONFLICT
    │   ├── ResourceExists           400 RESOURCE_ALREADY_EXISTS
    │   ├── LimitReached             400 RESOURCE_LIMIT_EXCEEDED
    │   ├── UnknownApi               404 ENDPOINT_NOT_FOUND
    │   ├── MethodNotAllowed         405 BAD_REQUEST
    │   ├── PayloadTooLarge          413 BAD_REQUEST
    │   ├── TooManyRequests          429 REQUEST_LIMIT_EXCEEDED
    │   │   └── BudgetSpent          429 REQUEST_LIMIT_EXCEEDED
    │   ├── Internal                 500 INTERNAL_ERROR
    │   ├── NotBuilt                 501 NOT_IMPLEMENTED
    │   ├── BadUpstream              502 INTERNAL_ERROR
    │   ├── Unavailable              503 TEMPORARILY_UNAVAILABLE
    │   └── DeadlineExceeded         504 DEADLINE_EXCEEDED
    ├── ConfigurationError           a setting cannot be used; shown to the operator
    └── EngineError                  an inference engine refused to load or failed

Clients pick their exception class from ``error_code`` (databricks-sdk, mlflow) or from the status
(openai), so both are fixed here and nowhere else.
"""

from typing import ClassVar


class LakeserveError(Exception):
    """Root of every error this package raises on purpose."""


class ConfigurationError(LakeserveError):
    """A setting cannot be used. The text names the setting, its value and what is accepted."""


class EngineError(LakeserveError):
    """An inference engine refused a model or failed while running it."""


class WireError(LakeserveError):
    """An error that a caller of the HTTP interface sees.

    Attributes:
        message: Safe text for the caller: never a secret, never a stack trace.
        retry_after: Whole seconds after which the call can succeed, or None.
        refused_by: What of an endpoint's governance refused the call: ``rate_limit_calls``,
            ``rate_limit_tokens``, ``budget``, ``input_guardrail`` or ``output_guardrail``; empty
            for every other error. For metrics; callers see the code and the message.
    """

    status: ClassVar[int] = 500
    error_code: ClassVar[str] = "INTERNAL_ERROR"
    refused_by = ""

    def __init__(self, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after

    def body(self) -> dict[str, object]:
        """The JSON object of the error reply: ``{"error_code", "message"}``."""
        return {"error_code": self.error_code, "message": self.message}

    def headers(self) -> list[tuple[str, str]]:
        """Response headers that belong to the error."""
        return [] if self.retry_after is None else [("retry-after", str(self.retry_after))]


class InvalidParameter(WireError):
    """A field of an admin request has a value that is not accepted."""

    status = 400
    error_code = "INVALID_PARAMETER_VALUE"


class BadRequest(WireError):
    """The body of an inference request cannot be used."""

    status = 400
    error_code = "BAD_REQUEST"


class Unauthenticated(WireError):
    """No credential, or one of a kind that is not supported."""

    status = 401
    error_code = "UNAUTHENTICATED"


class PermissionDenied(WireError):
    """The credential is not valid, or its principal may not do this."""

    status = 403
    error_code = "PERMISSION_DENIED"


class ResourceMissing(WireError):
    """The named endpoint, cluster or other object does not exist."""

    status = 404
    error_code = "RESOURCE_DOES_NOT_EXIST"


class ResourceConflict(WireError):
    """The object is being changed by another call."""

    status = 409
    error_code = "RESOURCE_CONFLICT"


class ResourceExists(WireError):
    """There is an object of that name already."""

    status = 400
    error_code = "RESOURCE_ALREADY_EXISTS"


class LimitReached(WireError):
    """There are as many objects as there can be."""

    status = 400
    error_code = "RESOURCE_LIMIT_EXCEEDED"


class UnknownApi(WireError):
    """No route has this method and path."""

    status = 404
    error_code = "ENDPOINT_NOT_FOUND"


class MethodNotAllowed(WireError):
    """The path exists, but not with this method.

    Attributes:
        allow: The methods that it has, as the ``Allow`` header lists them, or None.
    """

    status = 405
    error_code = "BAD_REQUEST"

    def __init__(self, message: str, *, allow: str | None = None) -> None:
        super().__init__(message)
        self.allow = allow

    def headers(self) -> list[tuple[str, str]]:
        """See ``WireError.headers``."""
        return [] if self.allow is None else [("allow", self.allow)]


class PayloadTooLarge(WireError):
    """The request body is longer than the limit of its kind."""

    status = 413
    error_code = "BAD_REQUEST"


class TooManyRequests(WireError):
    """A limit is used up for now."""

    status = 429
    error_code = "REQUEST_LIMIT_EXCEEDED"


class BudgetSpent(TooManyRequests):
    """The money that was set aside for a day or a month is spent.

    Clients sleep as long as ``retry-after`` says, some of them for days; so it says five minutes at
    most, and openai's clients are told not to try again at all.
    """

    longest_wait_s: ClassVar[int] = 300
    refused_by = "budget"

    def headers(self) -> list[tuple[str, str]]:
        """See ``WireError.headers``."""
        if self.retry_after is None:
            return []
        wait = min(self.retry_after, self.longest_wait_s)
        return [("retry-after", str(wait)), ("x-should-retry", "false")]


class Internal(WireError):
    """A fault of the platform itself."""


class NotBuilt(WireError):
    """A documented call that this version does not have."""

    status = 501
    error_code = "NOT_IMPLEMENTED"


class BadUpstream(WireError):
    """The upstream of a served entity failed in a way that maps to no other status."""

    status = 502


class Unavailable(WireError):
    """The endpoint cannot serve now but is expected to."""

    status = 503
    error_code = "TEMPORARILY_UNAVAILABLE"


class DeadlineExceeded(WireError):
    """The model or its provider took too long."""

    status = 504
    error_code = "DEADLINE_EXCEEDED"
