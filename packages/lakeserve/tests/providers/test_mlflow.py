import pytest
from lakeserve.core.endpoints import Address, Target
from lakeserve.core.errors import BadRequest, Unavailable
from lakeserve.providers.base import CSV_FIELD, Asked
from lakeserve.providers.mlflow import MlflowProvider

TARGET = Target("e", "iris-1", "mlflow", "m", "m", 100, Address(uds="/socket"))
PROVIDER = MlflowProvider()


def test_bodies_pass_as_they_came() -> None:
    request = PROVIDER.build(TARGET, "predict", {"inputs": [1]}, b'{"inputs": [1]}')
    assert request == ("/invocations", (), b'{"inputs": [1]}')
    changed = PROVIDER.build(TARGET, "chat", {"messages": []}, None)
    assert changed.body == b'{"messages":[]}'


def test_csv_keeps_its_type() -> None:
    request = PROVIDER.build(TARGET, "predict", {CSV_FIELD: "a,b\n1,2\n"}, b"a,b\n1,2\n")
    assert request == ("/invocations", (("content-type", "text/csv"),), b"a,b\n1,2\n")


def test_answers_pass_as_they_came() -> None:
    asked = Asked(TARGET, "predict", {})
    assert PROVIDER.reply(asked, b"{}") == b"{}"
    assert PROVIDER.events(asked) is None


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (400, b'{"error_code": "X", "message": "no column x"}', BadRequest, "no column x"),
        (415, b'{"message": "not that type"}', BadRequest, "not that type"),
        (503, b"{}", Unavailable, "The worker answered with 503."),
        (400, b"[]", BadRequest, "The worker answered with 400."),
    ],
)  # fmt: skip
def test_errors(status: int, body: bytes, kind: type[Exception], message: str) -> None:
    error = PROVIDER.error(status, body, {})
    assert isinstance(error, kind)
    assert error.message == message
