from lakeserve.control.document_schemas import ANSWERS, INFERENCE, SCHEMAS, reference

OF_THE_FRAMEWORK = {"AiGatewayInput", "RateLimitsInput"}


def test_names() -> None:
    assert reference("Error") == {"$ref": "#/components/schemas/Error"}
    assert set(ANSWERS.values()) <= set(SCHEMAS) | OF_THE_FRAMEWORK
    for _, request, answer, _ in INFERENCE:
        assert {request, answer} <= set(SCHEMAS)
