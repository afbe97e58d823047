"""The rules of an endpoint at work: what may be asked, and what may be answered."""

import asyncio
from collections.abc import Iterable
from threading import Thread

import orjson

from lakeserve.core.ai_gateway import GuardrailRules
from lakeserve.core.endpoints import RoutableEndpoint
from lakeserve.core.errors import BadUpstream, NotBuilt
from lakeserve.core.guardrails import Abilities, PersonalData
from lakeserve.gateway.guardrails.event_texts import EventTexts, Kept
from lakeserve.gateway.guardrails.inspection import INLINE_CHARACTERS, Inspector
from lakeserve.gateway.guardrails.personal_data import masked
from lakeserve.gateway.guardrails.texts import (
    answer_texts,
    changed_answer,
    changed_question,
    question_texts,
)
from lakeserve.gateway.guardrails.window import MaskingWindow
from lakeserve.gateway.observation import estimated_tokens, input_characters, reported_usage
from lakeserve.gateway.seams import OutputRules
from lakeserve.gateway.task import Question

MAX_HELD_BYTES = 16 * 1024 * 1024
_READABLE = frozenset({"chat", "completions", "embeddings"})


class Guardrails:
    """The rules of every endpoint; see ``seams.Rules``."""

    def __init__(self, inspector: Inspector) -> None:
        self._inspector = inspector

    @property
    def abilities(self) -> Abilities:
        """What can be looked for."""
        return self._inspector.abilities

    def prepare(self, endpoints: Iterable[RoutableEndpoint]) -> None:
        """Load what looks for personal data, where an endpoint wants it: the first call is slow."""
        finder = self._inspector.personal_data
        if finder is not None and any(map(_wants_personal_data, endpoints)):
            Thread(target=finder.load, name="guardrails", daemon=True).start()

    async def check(self, endpoint: RoutableEndpoint, asked: Question) -> Question:
        """See ``seams.Rules.check``."""
        rules = endpoint.ai_gateway and endpoint.ai_gateway.input_rules
        if not rules or rules == GuardrailRules():
            return asked
        _check_readable(endpoint, asked)
        texts = question_texts(asked.operation, asked.body)
        tokens = estimated_tokens(sum(map(len, texts)))
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        masks = await self._inspector.inspect(rules, texts, "input", usage)
        if not masks:
            return asked
        body = changed_question(asked.operation, asked.body, lambda text: masks.get(text, text))
        return asked._replace(body=body, raw=None)

    def output(self, endpoint: RoutableEndpoint, asked: Question) -> OutputRules:
        """See ``seams.Rules.output``."""
        rules = endpoint.ai_gateway and endpoint.ai_gateway.output_rules
        if rules and rules != GuardrailRules():
            _check_readable(endpoint, asked)
        tokens = estimated_tokens(input_characters(asked.operation, asked.body))
        return AnswerRules(self._inspector, rules or GuardrailRules(), tokens)


class AnswerRules:
    """The rules for one answer.

    Masks are put on while events pass; a rule that forbids answers has to see all of one first.

    Args:
        inspector: Looks at texts.
        rules: What for.
        asked_tokens: An estimate, for answers that do not tell.
    """

    def __init__(self, inspector: Inspector, rules: GuardrailRules, asked_tokens: int) -> None:
        self._inspector = inspector
        self._rules = rules
        self._asked_tokens = asked_tokens
        forbids = (rules.pii == "BLOCK", rules.safety, rules.invalid_keywords, rules.valid_topics)
        self._arguments: list[str] = []
        self._read = EventTexts(Kept, self._keep) if any(forbids) else None
        self._held = b""
        self._usage: dict[str, int] | None = None
        self._masking = _masking(inspector.finder()) if rules.pii == "MASK" else None

    async def whole(self, body: bytes) -> bytes:
        """See ``seams.OutputRules.whole``."""
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise BadUpstream(
                "The upstream's answer is no JSON, so the guardrails of this endpoint cannot read"
                " it."
            ) from None
        texts = answer_texts(answer) if isinstance(answer, dict) else []
        usage = self._told(body, texts)
        masks = await self._inspector.inspect(self._rules, texts, "output", usage)
        if not masks:
            return body
        return orjson.dumps(changed_answer(answer, lambda text: masks.get(text, text)))

    async def events(self, events: bytes) -> bytes:
        """See ``seams.OutputRules.events``."""
        if self._read is not None:
            self._read.feed(events)
            if (usage := reported_usage(events)) is not None:
                self._usage = _usage(usage.input_tokens, usage.output_tokens)
        events = await self._masked(events)
        if self._read is None:
            return events
        self._held += events
        if len(self._held) > MAX_HELD_BYTES:
            raise BadUpstream(
                f"The answer exceeds {MAX_HELD_BYTES} bytes, which is more than the guardrails of"
                " this endpoint hold back."
            )
        return b""

    async def end(self) -> bytes:
        """See ``seams.OutputRules.end``."""
        rest = b"" if self._masking is None else self._masking.close()
        if self._read is None:
            return rest
        self._read.close()
        kept = [each.text for each in self._read.passages.values() if isinstance(each, Kept)]
        texts = [*kept, *self._arguments]
        usage = self._usage or self._told(b"", texts)
        await self._inspector.inspect(self._rules, texts, "output", usage)
        return self._held + rest

    def _keep(self, text: str) -> str:
        self._arguments.append(text)
        return text

    async def _masked(self, events: bytes) -> bytes:
        if self._masking is None:
            return events
        is_short = len(events) <= INLINE_CHARACTERS and self._inspector.finder().is_loaded
        if is_short:
            return self._masking.feed(events)
        return await asyncio.to_thread(self._masking.feed, events)

    def _told(self, body: bytes, texts: list[str]) -> dict[str, int]:
        usage = reported_usage(body)
        if usage is None:
            return _usage(self._asked_tokens, estimated_tokens(sum(map(len, texts))))
        return _usage(usage.input_tokens, usage.output_tokens)


def _check_readable(endpoint: RoutableEndpoint, asked: Question) -> None:
    """What cannot be read here must not pass where rules ought to look at it."""
    if asked.operation not in _READABLE or not str(endpoint.task).startswith("llm/"):
        raise NotBuilt(
            f"The guardrails of endpoint {endpoint.name!r} read chats, completions and embeddings"
            " only, not calls of this kind."
        )


def _wants_personal_data(endpoint: RoutableEndpoint) -> bool:
    block = endpoint.ai_gateway
    return block is not None and any(
        rules is not None and rules.pii != "NONE"
        for rules in (block.input_rules, block.output_rules)
    )


def _masking(finder: PersonalData) -> EventTexts:
    def mask(text: str) -> str:
        return masked(text, finder.find(text))

    return EventTexts(lambda: MaskingWindow(finder.find), mask)


def _usage(asked: int, given: int) -> dict[str, int]:
    return {
        "prompt_tokens": asked,
        "completion_tokens": given,
        "total_tokens": asked + given,
    }
