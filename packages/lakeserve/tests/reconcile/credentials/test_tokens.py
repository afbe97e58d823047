import asyncio
import threading
from collections.abc import Callable

import pytest
from lakeserve.core.errors import PermissionDenied, Unavailable
from lakeserve.reconcile.credentials.tokens import (
    RETRY_S,
    AccessToken,
    BearerTokens,
    refusal_text,
)


class Mint:
    """Makes tokens that live for ``life_s`` of a clock that tests move."""

    def __init__(self, life_s: float = 3600) -> None:
        self.now = 1_000_000.0
        self.life_s = life_s
        self.made = 0
        self.error: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self) -> AccessToken:
        assert threading.current_thread() is not threading.main_thread()
        self.gate.wait(10)
        if self.error is not None:
            raise self.error
        self.made += 1
        return AccessToken(f"token-{self.made}", self.now + self.life_s)


@pytest.fixture
def mint() -> Mint:
    return Mint()


@pytest.fixture
def tokens(mint: Mint) -> BearerTokens:
    return BearerTokens("a vendor", mint, lambda: mint.now)


async def token(tokens: BearerTokens) -> str:
    ((name, value),) = await tokens.headers("http://h", b"")
    assert name == "authorization"
    return value.removeprefix("Bearer ")


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come true")


async def test_a_token_serves_until_it_nears_its_end(tokens: BearerTokens, mint: Mint) -> None:
    assert await token(tokens) == "token-1"
    mint.now += 3299
    assert await token(tokens) == "token-1"
    assert mint.made == 1
    mint.now += 2  # within five minutes of its end
    assert await token(tokens) == "token-1"
    await until(lambda: mint.made == 2)
    assert await token(tokens) == "token-2"


async def test_one_renewal_at_a_time(tokens: BearerTokens, mint: Mint) -> None:
    mint.gate.clear()
    asking = [asyncio.create_task(token(tokens)) for _ in range(50)]
    await asyncio.sleep(0)
    asking[0].cancel()  # its caller has gone; the others still get theirs
    mint.gate.set()
    got = await asyncio.gather(*asking, return_exceptions=True)
    assert got[1:] == ["token-1"] * 49
    assert mint.made == 1


async def test_an_expired_token_is_never_sent(tokens: BearerTokens, mint: Mint) -> None:
    await token(tokens)
    mint.now += 3600
    assert await token(tokens) == "token-2"


async def test_a_good_token_outlives_a_failing_service(
    tokens: BearerTokens, mint: Mint, caplog: pytest.LogCaptureFixture
) -> None:
    await token(tokens)
    mint.error = Unavailable("no answer")
    mint.now += 3400
    assert await token(tokens) == "token-1"
    await until(lambda: "no token for a vendor: no answer" in caplog.text)
    caplog.clear()
    assert await token(tokens) == "token-1"
    await asyncio.sleep(0.02)
    assert caplog.text == ""  # the next try waits
    mint.now += RETRY_S
    mint.error = RuntimeError("holds a secret")
    assert await token(tokens) == "token-1"
    await until(lambda: "no token for a vendor: RuntimeError" in caplog.text)
    assert "holds a secret" not in caplog.text


async def test_failures_reach_every_caller_and_the_next_one_tries_again(
    tokens: BearerTokens, mint: Mint
) -> None:
    mint.error = PermissionDenied("refused")
    got = await asyncio.gather(*(token(tokens) for _ in range(3)), return_exceptions=True)
    assert [str(error) for error in got] == ["refused"] * 3
    mint.error = None
    assert await token(tokens) == "token-1"


async def test_a_token_is_concealed(tokens: BearerTokens) -> None:
    assert tokens.conceal("token-1") == "token-1"
    await token(tokens)
    assert tokens.conceal("saw token-1 here") == "saw [REDACTED] here"
    assert "token-1" not in repr(await asyncio.to_thread(Mint()))


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (None, "it gave no reason"),
        ({"error": {"message": "x"}}, "it gave no reason"),
        ({"error": "invalid_grant"}, "invalid_grant"),
        ({"error": "a", "error_description": "b\r\nc."}, "a: b c"),
        ({"error": "a", "error_description": "x" * 1000}, "a: " + "x" * 300),
    ],
)
def test_what_a_service_said(reply: object, text: str) -> None:
    assert refusal_text(reply) == text
