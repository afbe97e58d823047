import json

from lakeserve.core.guardrails import CATEGORIES
from lakeserve.gateway.guardrails.verdict import blocked

USAGE = {"prompt_tokens": 9, "total_tokens": 9}
DOCUMENTED = (
    r'{"usage": {"prompt_tokens": 9, "total_tokens": 9}, "input_guardrail": [{"flagged": true,'
    r' "categories": {"violent-crimes": false, "non-violent-crimes": true, "sex-crimes": false,'
    r' "child-exploitation": false, "specialized-advice": false, "privacy": false,'
    r' "intellectual-property": false, "indiscriminate-weapons": false, "hate": false,'
    r' "self-harm": false, "sexual-content": false}, "category_scores": null,'
    r' "pii_detection": null, "anonymized_input": null}],'
    r' "finishReason": "input_guardrail_triggered"}'
)


def test_the_documented_body() -> None:
    error = blocked("input", USAGE, categories=["non-violent-crimes"])
    assert (error.status, error.refused_by) == (400, "input_guardrail")
    assert error.body() == {"error_code": "BAD_REQUEST", "message": DOCUMENTED}


def test_personal_data() -> None:
    told = json.loads(blocked("output", USAGE, anonymized=["<US_SSN>"]).message)
    assert told["finishReason"] == "output_guardrail_triggered"
    (found,) = told["output_guardrail"]
    assert (found["pii_detection"], found["anonymized_input"]) == (True, ["<US_SSN>"])
    assert set(found["categories"]) == set(CATEGORIES)
    assert not any(found["categories"].values())


def test_a_rule_without_a_field_of_its_own() -> None:
    told = json.loads(blocked("input", USAGE, rule="invalid_keywords").message)
    assert told["input_guardrail"][0]["rule"] == "invalid_keywords"
