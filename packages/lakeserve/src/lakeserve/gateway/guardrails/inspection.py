"""Looks at the texts of one request or one answer as its rules want it."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lakeserve.core.ai_gateway import GuardrailRules
from lakeserve.core.errors import BadRequest, NotBuilt
from lakeserve.core.guardrails import Abilities, Classifier, PersonalData
from lakeserve.gateway.guardrails.classifier import load_classifier
from lakeserve.gateway.guardrails.personal_data import (
    EXTRA,
    PatternFinder,
    is_installed,
    masked,
)
from lakeserve.gateway.guardrails.verdict import Direction, blocked

# Below this many characters looking takes less time than asking a thread to.
INLINE_CHARACTERS = 4096
# Looking for telephone numbers takes some 50 microseconds for each digit at worst.
MOST_DIGITS = 50_000

_DIGIT = re.compile(r"\d")


def open_inspector(classifier: str | None) -> "Inspector":
    """What this machine has to look with.

    Args:
        classifier: The name of the one that the operator wants.

    Raises:
        ConfigurationError: It cannot be had.
    """
    return Inspector(
        PatternFinder() if is_installed() else None,
        None if classifier is None else load_classifier(classifier),
    )


class Inspector(NamedTuple):
    """What looks at texts; None where this platform lacks it."""

    personal_data: PersonalData | None = None
    classifier: Classifier | None = None

    @property
    def abilities(self) -> Abilities:
        """What it can look for."""
        return Abilities(self.personal_data is not None, self.classifier is not None)

    async def inspect(
        self,
        rules: GuardrailRules,
        texts: Sequence[str],
        direction: Direction,
        usage: dict[str, int],
    ) -> Mapping[str, str]:
        """Texts to exchange, and what for.

        Raises:
            BadRequest: A rule forbids them.
            NotBuilt: A rule cannot be kept here.
        """
        if self.forbidden(rules, texts):
            raise blocked(direction, usage, rule="invalid_keywords")
        masks: Mapping[str, str] = {}
        if rules.pii != "NONE":
            masks = await self._masks(texts)
            if masks and rules.pii == "BLOCK":
                raise blocked(direction, usage, anonymized=masks.values())
        if rules.safety or rules.valid_topics:
            await self._judge(rules, texts, direction, usage)
        return masks

    def finder(self) -> PersonalData:
        """What finds personal data.

        Raises:
            NotBuilt: Nothing does here.
        """
        if self.personal_data is None:
            raise NotBuilt(
                "Guardrails on personal data ('guardrails.*.pii') are not installed here; the"
                f" operator needs: {EXTRA}"
            )
        return self.personal_data

    @staticmethod
    def forbidden(rules: GuardrailRules, texts: Sequence[str]) -> bool:
        """Whether a keyword occurs."""
        if not rules.invalid_keywords:
            return False
        folded = [text.casefold() for text in texts]
        words = [word.casefold() for word in rules.invalid_keywords]
        return any(word in text for word in words for text in folded)

    async def _masks(self, texts: Sequence[str]) -> Mapping[str, str]:
        finder = self.finder()
        if sum(len(_DIGIT.findall(text)) for text in texts) > MOST_DIGITS:
            raise BadRequest(
                f"The texts of this call hold more than {MOST_DIGITS} digits, which is more than"
                " the guardrails on personal data look through."
            )
        if finder.is_loaded and sum(map(len, texts)) <= INLINE_CHARACTERS:
            return _masks(finder, texts)
        return await asyncio.to_thread(_masks, finder, texts)

    async def _judge(
        self,
        rules: GuardrailRules,
        texts: Sequence[str],
        direction: Direction,
        usage: dict[str, int],
    ) -> None:
        if self.classifier is None:
            raise NotBuilt(
                "Guardrails that take a classifier ('guardrails.*.safety' and 'valid_topics') need"
                " one that the operator names in the setting 'guardrail_classifier'."
            )
        verdict = await self.classifier.classify(texts, rules.valid_topics)
        if rules.safety and verdict.categories:
            raise blocked(direction, usage, categories=verdict.categories)
        if rules.valid_topics and verdict.is_off_topic:
            raise blocked(direction, usage, rule="valid_topics")


def _masks(finder: PersonalData, texts: Sequence[str]) -> dict[str, str]:
    found = {text: finder.find(text) for text in texts}
    return {text: masked(text, spans) for text, spans in found.items() if spans}
