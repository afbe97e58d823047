import pytest
from lakeserve.storage.engine import driver_words, remedy
from sqlalchemy.exc import OperationalError


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("database is locked", "stop that program"),
        ("canceling statement due to lock timeout", "stop that program"),
        ("database or disk is full", "Free some disk space"),
        ('could not extend file "base/1": No space left on device', "Free some disk space"),
        ("attempt to write a readonly database", "right to write"),
        ("file is not a database", "Restore a copy"),
        ('password authentication failed for user "a"', "user and the password"),
        ('database "a" does not exist', "Create it"),
        ("server closed the connection unexpectedly", "server runs"),
        ("something else", "own log"),
    ],
)
def test_every_reason_has_a_remedy(reason: str, advice: str) -> None:
    assert advice in remedy(reason)


def test_statements_and_values_are_left_out() -> None:
    original = Exception("it failed\nLINE 1: INSERT INTO secrets")
    error = OperationalError("INSERT INTO secrets VALUES ('s3cret')", {}, original)
    assert driver_words(error) == "it failed"
    assert driver_words(ValueError("plain")) == "plain"
