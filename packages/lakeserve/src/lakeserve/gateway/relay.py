"""Passes an answer on to the caller."""

from lakeserve.core.endpoints import Target
from lakeserve.core.errors import WireError
from lakeserve.gateway.accounting import Account
from lakeserve.gateway.answer_head import named_headers
from lakeserve.gateway.attempts import OpenStream, cut, without_credential
from lakeserve.gateway.reply import Header, Reply
from lakeserve.gateway.seams import OutputRules
from lakeserve.gateway.sse import DONE
from lakeserve.gateway.upstream.failure import UpstreamFailure


async def relay_events(reply: Reply, stream: OpenStream, account: Account) -> None:
    """Pass events on as they come; the call is written down before its last byte leaves.

    Raises:
        WireError: The stream failed in the middle.
    """
    events = stream.events
    observe = account.observes_stream().passed
    await reply.start_events(answer_headers(stream.target, account))
    try:
        part = stream.first
        if part and reply.can_push:
            observe(part)
            await reply.part(part)
            await events.pump(observe, reply.push, reply.drained)
            part = b""
        while part:
            observe(part)
            await reply.part(part)
            part = await events.read()
    except UpstreamFailure as failure:
        raise cut(stream.target, failure) from failure
    except WireError as error:
        raise without_credential(error, stream.target) from error
    if events.tail:
        observe(events.tail)
    account.close(200)
    await reply.end(events.tail)


async def relay_checked_events(
    reply: Reply, stream: OpenStream, account: Account, rules: OutputRules
) -> None:
    """Pass on what the endpoint's rules let through; the head waits for the first of it.

    Raises:
        WireError: The stream failed, or the rules forbid the rest of it.
    """
    came, passed = account.observes_stream(), account.observes_passed()

    async def let_through(events: bytes) -> None:
        if not reply.started:
            await reply.start_events(answer_headers(stream.target, account))
        if events:
            passed.passed(events)
            await reply.part(events)

    try:
        part = stream.first
        while part:
            came.passed(part)
            if events := await rules.events(_without_mark(part)):
                await let_through(events)
            part = await stream.events.read()
        await let_through(await rules.end())
    except UpstreamFailure as failure:
        raise cut(stream.target, failure) from failure
    except WireError as error:
        raise without_credential(error, stream.target) from error
    passed.passed(DONE)
    account.close(200)
    await reply.end(DONE)


def _without_mark(events: bytes) -> bytes:
    """Events without ``[DONE]``, which is the gateway's to send."""
    for mark in (DONE, b"data:[DONE]\n\n"):
        events = events.removesuffix(mark)
    return events


def answer_headers(target: Target, account: Account) -> tuple[Header, ...]:
    """The headers that tell who answered, and how long it took to come so far."""
    return (*origin_headers(target), account.timing(), *account.marks)


def origin_headers(target: Target) -> tuple[Header, Header]:
    """The headers that tell who answered."""
    return named_headers(target.entity_name, target.model_name)
