"""Documented parts of an endpoint that would be stored without effect: refused by their name."""

from lakeserve.core.ai_gateway import AiGateway, GuardrailRules
from lakeserve.core.endpoints import Task
from lakeserve.core.errors import InvalidParameter, NotBuilt
from lakeserve.core.guardrails import Abilities

NEEDS_EXTRA = "the operator needs: pip install 'lakeserve[guardrails]'"
NEEDS_CLASSIFIER = "the operator names a classifier in the setting 'guardrail_classifier'"


def refuse(feature: str) -> NotBuilt:
    """The error that names a feature."""
    return NotBuilt(f"{feature} is not implemented in this version of lakeserve.")


def check_enforced(
    block: AiGateway | None, where: str, abilities: Abilities, task: Task | None
) -> None:
    """Accept a block of which every part is enforced.

    Raises:
        InvalidParameter: It has rules about texts, and the endpoint's task says nothing of texts.
        NotBuilt: It turns on what cannot be enforced here.
    """
    if block is None:
        return
    for direction, rules in (("input", block.input_rules), ("output", block.output_rules)):
        if rules not in (None, GuardrailRules()) and not str(task).startswith("llm/"):
            raise InvalidParameter(
                f"Field '{where}guardrails.{direction}' does not belong to an endpoint"
                f" {'without a task' if task is None else f'of the task {task}'}; accepted with"
                " language models (llm/v1/chat, llm/v1/completions, llm/v1/embeddings)."
            )
        if rules is not None:
            _check_rules(rules, f"{where}guardrails.{direction}", abilities)


def _check_rules(rules: GuardrailRules, where: str, abilities: Abilities) -> None:
    wanted = (
        ("pii", rules.pii != "NONE", abilities.personal_data, NEEDS_EXTRA),
        ("safety", rules.safety, abilities.classifier, NEEDS_CLASSIFIER),
        ("valid_topics", rules.valid_topics, abilities.classifier, NEEDS_CLASSIFIER),
    )
    for name, is_wanted, is_able, remedy in wanted:
        if is_wanted and not is_able:
            raise NotBuilt(
                f"The guardrail '{where}.{name}' cannot be kept on this platform, so it is not"
                f" stored either; {remedy}."
            )
