import pytest
from lakeserve.control.endpoints.unenforced import check_enforced, refuse
from lakeserve.core.ai_gateway import AiGateway, GuardrailRules, RateLimit
from lakeserve.core.endpoints import Task
from lakeserve.core.errors import InvalidParameter, NotBuilt
from lakeserve.core.guardrails import Abilities

CHAT: Task = "llm/v1/chat"
EVERYTHING = GuardrailRules("MASK", True, ("a",), ("b",))


def test_what_is_enforced() -> None:
    check_enforced(None, "", Abilities(), CHAT)
    check_enforced(AiGateway(rate_limits=(RateLimit(calls=1),)), "", Abilities(), CHAT)
    plain = GuardrailRules(invalid_keywords=("a",))
    check_enforced(AiGateway(input_rules=plain, output_rules=plain), "", Abilities(), CHAT)
    check_enforced(
        AiGateway(input_rules=EVERYTHING, output_rules=EVERYTHING),
        "",
        Abilities(True, True),
        CHAT,
    )


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        (GuardrailRules(pii="MASK"), r"\.pii'.*lakeserve\[guardrails\]"),
        (GuardrailRules(safety=True), r"\.safety'.*'guardrail_classifier'"),
        (GuardrailRules(valid_topics=("a",)), r"\.valid_topics'.*'guardrail_classifier'"),
    ],
)
def test_what_would_not_be_enforced(rules: GuardrailRules, text: str) -> None:
    with pytest.raises(NotBuilt, match=r"'ai_gateway.guardrails.input" + text):
        check_enforced(AiGateway(input_rules=rules), "ai_gateway.", Abilities(), CHAT)
    with pytest.raises(NotBuilt, match=r"'guardrails.output" + text):
        check_enforced(AiGateway(output_rules=rules), "", Abilities(), CHAT)


def test_the_name_is_in_the_text() -> None:
    assert refuse("Telemetry").message.startswith("Telemetry is not implemented")


@pytest.mark.parametrize(
    ("task", "text"), [(None, "without a task"), ("agent/v2/chat", "of the task agent/v2/chat")]
)
def test_rules_about_texts_where_none_can_be_read(task: Task | None, text: str) -> None:
    rules = GuardrailRules(invalid_keywords=("a",))
    with pytest.raises(InvalidParameter, match=rf"'guardrails.output'.*{text}"):
        check_enforced(AiGateway(output_rules=rules), "", Abilities(True, True), task)
    check_enforced(AiGateway(output_rules=GuardrailRules()), "", Abilities(), task)
    check_enforced(AiGateway(usage_tracking=True), "", Abilities(), task)
