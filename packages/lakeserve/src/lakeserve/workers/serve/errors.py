"""Errors of the worker's HTTP interface, in the shape that OpenAI clients read."""


class ApiError(Exception):
    """A request that is answered with an error.

    Attributes:
        status: HTTP status.
        message: Names the field, the value seen and what is accepted.
        kind: ``type`` on the wire, such as ``invalid_request_error``.
        code: ``code`` on the wire, such as ``context_length_exceeded``.
        param: The request field at fault, or None.
        retry_after_s: Whole seconds after which the request can succeed, or None.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.code = code
        self.param = param
        self.retry_after_s = retry_after_s

    def body(self) -> dict[str, object]:
        """The JSON object of the error reply."""
        return {
            "error": {
                "message": self.message,
                "type": self.kind,
                "code": self.code,
                "param": self.param,
            }
        }


def invalid(param: str, message: str, code: str = "invalid_value") -> ApiError:
    """A 400 for one request field; ``message`` follows the field's name."""
    return ApiError(400, f"{param}: {message}", code=code, param=param)


def context_exceeded(prompt_tokens: int, context_tokens: int) -> ApiError:
    """A 400 for a prompt that leaves no room to answer."""
    return ApiError(
        400,
        f"The prompt has {prompt_tokens} tokens, but this model's context holds "
        f"{context_tokens} tokens, prompt and answer together. Shorten the prompt.",
        code="context_length_exceeded",
    )


def engine_failure(message: str) -> ApiError:
    """A 500 for a fault of the engine while it generates."""
    return ApiError(500, message, kind="server_error", code="engine_error")
