import pytest
from lakeserve.control.endpoints.unenforced import check_enforced, refuse
from lakeserve.core.ai_gateway import AiGateway, GuardrailRules, RateLimit
from lakeserve.core.errors import NotBuilt


def test_what_is_enforced() -> None:
    check_enforced(None, "")
    check_enforced(AiGateway(rate_limits=(RateLimit(calls=1),)), "")
    check_enforced(AiGateway(input_rules=GuardrailRules()), "")


@pytest.mark.parametrize("direction", ["input", "output"])
def test_what_would_not_be_enforced(direction: str) -> None:
    rules = GuardrailRules(pii="MASK")
    block = AiGateway(input_rules=rules) if direction == "input" else AiGateway(output_rules=rules)
    with pytest.raises(NotBuilt, match=rf"'ai_gateway.guardrails.{direction}'"):
        check_enforced(block, "ai_gateway.")


def test_the_name_is_in_the_text() -> None:
    assert refuse("Telemetry").message.startswith("Telemetry is not implemented")
