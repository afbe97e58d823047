import pytest
from lakeserve.control.authorization import caller_of
from lakeserve.core.errors import PermissionDenied, Unauthenticated
from lakeserve.core.identity import Principal, token_digest
from lakeserve.core.ports import Snapshot
from starlette.requests import Request

ANNA = Principal(id="7", name="a@example.com", display_name="A")


class OneToken:
    def snapshot(self) -> Snapshot:
        return Snapshot(principals={token_digest("right"): ANNA})


def request(*headers: tuple[bytes, bytes]) -> Request:
    return Request({"type": "http", "headers": list(headers)})


def test_the_caller() -> None:
    caller = caller_of(OneToken())
    assert caller(request((b"authorization", b"Bearer right"))) == ANNA
    with pytest.raises(PermissionDenied):
        caller(request((b"authorization", b"Bearer wrong")))
    with pytest.raises(Unauthenticated):
        caller(request())
