import re

from lakeserve.core.identity import new_token, token_digest


def test_new_tokens() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(re.fullmatch("dapi[0-9a-f]{64}", token) for token in tokens)


def test_digests() -> None:
    assert token_digest("abc").startswith("ba7816bf")
    assert token_digest("ä") != token_digest("a")
