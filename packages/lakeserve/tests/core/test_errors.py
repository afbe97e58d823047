"""The table of errors, as the protocol has it."""

import pytest
from lakeserve.core import errors
from lakeserve.core.errors import LakeserveError, Unavailable, WireError

TABLE = {
    "InvalidParameter": (400, "INVALID_PARAMETER_VALUE"),
    "BadRequest": (400, "BAD_REQUEST"),
    "Unauthenticated": (401, "UNAUTHENTICATED"),
    "PermissionDenied": (403, "PERMISSION_DENIED"),
    "ResourceMissing": (404, "RESOURCE_DOES_NOT_EXIST"),
    "ResourceExists": (400, "RESOURCE_ALREADY_EXISTS"),
    "ResourceConflict": (409, "RESOURCE_CONFLICT"),
    "LimitReached": (400, "RESOURCE_LIMIT_EXCEEDED"),
    "UnknownApi": (404, "ENDPOINT_NOT_FOUND"),
    "MethodNotAllowed": (405, "BAD_REQUEST"),
    "PayloadTooLarge": (413, "BAD_REQUEST"),
    "TooManyRequests": (429, "REQUEST_LIMIT_EXCEEDED"),
    "BudgetSpent": (429, "REQUEST_LIMIT_EXCEEDED"),
    "Internal": (500, "INTERNAL_ERROR"),
    "NotBuilt": (501, "NOT_IMPLEMENTED"),
    "BadUpstream": (502, "INTERNAL_ERROR"),
    "Unavailable": (503, "TEMPORARILY_UNAVAILABLE"),
    "DeadlineExceeded": (504, "DEADLINE_EXCEEDED"),
}

# What mlflow makes of a code; a code that it does not know counts as 500 and is tried again.
MLFLOW_STATUS = {
    "INVALID_PARAMETER_VALUE": 400,
    "BAD_REQUEST": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "ENDPOINT_NOT_FOUND": 404,
    "RESOURCE_ALREADY_EXISTS": 400,
    "RESOURCE_CONFLICT": 409,
    "REQUEST_LIMIT_EXCEEDED": 429,
    "INTERNAL_ERROR": 500,
    "NOT_IMPLEMENTED": 501,
    "TEMPORARILY_UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


def wire_errors() -> dict[str, type[WireError]]:
    return {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, WireError) and value is not WireError
    }


def test_the_table_is_complete() -> None:
    found = {name: (kind.status, kind.error_code) for name, kind in wire_errors().items()}
    assert found == TABLE


# Databricks' own code of the secrets API; only databricks-sdk and the legacy CLI call that.
UNKNOWN_TO_MLFLOW = {"LimitReached"}


@pytest.mark.parametrize("name", sorted(set(TABLE) - UNKNOWN_TO_MLFLOW))
def test_every_code_is_one_that_mlflow_knows(name: str) -> None:
    status, code = TABLE[name]
    assert MLFLOW_STATUS[code] // 100 == status // 100


@pytest.mark.parametrize("name", TABLE)
def test_the_body(name: str) -> None:
    error = wire_errors()[name]("why")
    assert error.body() == {"error_code": TABLE[name][1], "message": "why"}
    assert error.headers() == []
    assert isinstance(error, LakeserveError)
    assert str(error) == "why"


def test_when_to_come_back() -> None:
    assert Unavailable("later", retry_after=3).headers() == [("retry-after", "3")]


def test_the_tree_at_the_top_is_true() -> None:
    for name, (status, code) in TABLE.items():
        assert any(
            name in line and f"{status} {code}" in line
            for line in (errors.__doc__ or "").splitlines()
        ), name


def test_nobody_sleeps_for_a_month_before_a_spent_budget() -> None:
    headers = dict(errors.BudgetSpent("why", retry_after=2_000_000).headers())
    assert headers == {"retry-after": "300", "x-should-retry": "false"}
    assert ("retry-after", "7") in errors.BudgetSpent("why", retry_after=7).headers()
