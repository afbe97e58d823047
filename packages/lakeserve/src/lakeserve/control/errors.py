"""Every error of the control plane in one shape: ``{"error_code", "message"}``."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from lakeserve.core.errors import (
    BadRequest,
    Internal,
    InvalidParameter,
    MethodNotAllowed,
    UnknownApi,
    WireError,
)

SHOWN_CHARACTERS = 100


def install_error_handlers(app: FastAPI) -> None:
    """Replace the framework's error replies."""
    app.add_exception_handler(WireError, _wire_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(UnicodeEncodeError, _half_character)
    app.add_exception_handler(Exception, _fault)


def error_response(error: WireError) -> JSONResponse:
    """The reply that an error becomes."""
    body = error.body()
    # JSON can hold halves of characters, which a message may repeat and no answer can carry.
    body["message"] = error.message.encode("utf-8", "replace").decode()
    return JSONResponse(body, error.status, dict(error.headers()))


def invalid_parameter(problems: RequestValidationError) -> InvalidParameter:
    """The first problem of a request, naming the field, its value and what is accepted."""
    problem = problems.errors()[0]
    field = ".".join(str(part) for part in problem["loc"][1:]) or "body"
    if problem["type"] == "extra_forbidden":
        return InvalidParameter(f"Unknown field '{field}'.")
    if problem["type"] == "missing":
        return InvalidParameter(f"Field '{field}' is required.")
    if problem["type"] == "json_invalid":
        return InvalidParameter("The request body is not valid JSON.")
    return InvalidParameter(f"Field '{field}' has {_shown(problem['input'])}: {problem['msg']}.")


def _shown(value: object) -> str:
    """A value as far as it may be repeated: an object or a list can hold secrets."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = repr(value)
    return f"the value {text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + '...'}"


def from_status(status: int, method: str, path: str) -> WireError:
    """The error that stands for a status the framework chose."""
    if status == 404:
        return UnknownApi(f"No API found for '{method} {path}'")
    if status == 405:
        return MethodNotAllowed(f"Method {method} is not supported for '{path}'.")
    if status < 500:
        return BadRequest("The request cannot be read.")
    return _internal()


async def _wire_error(_request: Request, error: Exception) -> JSONResponse:
    return error_response(error if isinstance(error, WireError) else _internal())


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        return error_response(_internal())
    response = error_response(from_status(error.status_code, request.method, request.url.path))
    response.headers.update(error.headers or {})
    return response


async def _validation_error(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        return error_response(_internal())
    return error_response(invalid_parameter(error))


async def _half_character(_request: Request, _error: Exception) -> JSONResponse:
    # JSON escapes can spell half of a surrogate pair, which nothing stores or sends.
    return error_response(InvalidParameter("The request holds text that is not valid Unicode."))


async def _fault(_request: Request, _error: Exception) -> JSONResponse:
    # The server above logs the traceback.
    return error_response(_internal())


def _internal() -> Internal:
    return Internal("The platform failed to answer this call. Its log has the cause.")
