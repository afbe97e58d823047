from dataclasses import replace

import jwt
import pytest
from lakeserve.core.authentication import authenticate
from lakeserve.core.errors import PermissionDenied
from lakeserve.core.identity import Principal
from lakeserve.core.ids import now_ms
from lakeserve.core.signed_tokens import (
    SignedTokenReader,
    issue_token,
    new_signing_key,
    public_jwk,
)

ROBOT = Principal(id="8", name="0f4d-robot", display_name="Robot")
KEY, PRIVATE = new_signing_key("k1")
SECRETS = {"s1": ROBOT.id, "s2": "9"}
READER = SignedTokenReader({KEY.id: KEY.public_key}, {ROBOT.name: ROBOT}, SECRETS)


def token(private: str = PRIVATE, key_id: str = "k1", **claims: object) -> str:
    in_an_hour = now_ms() // 1000 + 3600
    usual = {"sub": ROBOT.name, "sid": "s1", "exp": in_an_hour}
    return issue_token(private, key_id, {**usual, **claims})


def test_a_signed_token_names_its_subject_every_time() -> None:
    signed = token()
    for _ in range(2):
        assert authenticate(f"Bearer {signed}", {}, READER) == ROBOT


def test_a_token_after_its_time_is_refused() -> None:
    old = token(exp=now_ms() // 1000 - 1)
    with pytest.raises(PermissionDenied, match="expired"):
        authenticate(f"Bearer {old}", {}, READER)


STRANGER = new_signing_key("k1")[1]
UNSIGNED = jwt.encode({"sub": ROBOT.name, "exp": 9999999999}, "", algorithm="none")


@pytest.mark.parametrize(
    "refused",
    [
        token(private=STRANGER),
        token(key_id="k2"),
        token(sub="nobody"),
        token(sub=None),
        token(sid="deleted"),
        token(sid="s2"),
        token(sid=None),
        token(sid=["s1"]),
        token(exp=None),
        token()[:-4] + "AAAA",
        UNSIGNED,
        jwt.encode({"sub": ROBOT.name}, KEY.public_key[27:59], headers={"kid": "k1"}),
        "a.b.c",
        "..",
    ],
)
def test_tokens_that_prove_nothing(refused: str) -> None:
    assert READER.principal(refused) is None
    with pytest.raises(PermissionDenied, match="Invalid access token"):
        authenticate(f"Bearer {refused}", {}, READER)


def test_clients_can_check_signatures_themselves() -> None:
    published = jwt.PyJWK(public_jwk(KEY))
    assert published.key_id == "k1"
    claims = jwt.decode(token(), published, algorithms=["ES256"])
    assert claims["sub"] == ROBOT.name
    assert "d" not in public_jwk(KEY)


def test_who_a_grant_means() -> None:
    robot = replace(ROBOT, groups=("builders",))
    assert [name for name in ("users", "builders", ROBOT.name) if robot.goes_by(name)] == [
        "users",
        "builders",
        ROBOT.name,
    ]
    assert not robot.goes_by("admins")
    assert replace(ROBOT, admin=True).goes_by("admins")
    assert not robot.goes_by("others")
