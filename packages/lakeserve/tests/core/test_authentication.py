import base64
from dataclasses import replace

import pytest
from lakeserve.core.authentication import authenticate
from lakeserve.core.errors import PermissionDenied, Unauthenticated
from lakeserve.core.identity import Principal, token_digest
from lakeserve.core.ids import now_ms

ANNA = Principal(id="7", name="a@example.com", display_name="A")
PRINCIPALS = {token_digest("right"): ANNA}


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "header",
    ["Bearer right", "bearer right", "Bearer   right ", " Bearer right", basic("token:right")],
)
def test_who_it_is(header: str) -> None:
    assert authenticate(header, PRINCIPALS) == ANNA


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "right",
        "Digest right",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff\xfe").decode(),
        basic("anna:right"),
        basic("token:"),
        basic("token"),
    ],
)
def test_no_credential(header: str | None) -> None:
    with pytest.raises(Unauthenticated, match="Credential was not sent"):
        authenticate(header, PRINCIPALS)


@pytest.mark.parametrize(
    "header", ["Bearer wrong", "Bearer right right", "Bearer RIGHT", basic("token:wrong")]
)
def test_an_unknown_token(header: str) -> None:
    with pytest.raises(PermissionDenied) as refused:
        authenticate(header, PRINCIPALS)
    assert refused.value.message == "Invalid access token."


@pytest.mark.parametrize(("left_ms", "is_valid"), [(60_000, True), (0, False), (-60_000, False)])
def test_an_expired_token_is_an_invalid_one(left_ms: int, is_valid: bool) -> None:
    known = {token_digest("right"): replace(ANNA, expires_at=now_ms() + left_ms)}
    if is_valid:
        assert authenticate("Bearer right", known) == ANNA
        return
    with pytest.raises(PermissionDenied, match=r"Invalid access token\. It has expired"):
        authenticate("Bearer right", known)
