from typing import Any

import pytest
from lakeserve.core.endpoints import Address, EntityState, ExternalModel, ServedEntity
from lakeserve.core.errors import InvalidParameter
from lakeserve.reconcile.credentials.aws import AwsSignatures
from lakeserve.reconcile.external import external_target, secret_values

READY = EntityState("DEPLOYMENT_READY")


def entity(model: ExternalModel) -> ServedEntity:
    return ServedEntity("1", "mine", model, "m", "M.", traffic_percentage=30)


def test_where_calls_go() -> None:
    model = ExternalModel("anthropic", "m", {"anthropic_version": "2099-01-01"})
    target = external_target(entity(model), model, {"secret": "sk"}, READY)
    assert (target.provider, target.options) == ("anthropic", {"anthropic_version": "2099-01-01"})
    assert target.address == Address(host="api.anthropic.com", port=443, tls=True, base_path="/v1")
    assert (target.credential, target.weight, target.failure) == ("sk", 30, None)


def test_secrets_that_sign_are_not_sent() -> None:
    options = {"aws_region": "us-east-1", "bedrock_provider": "amazon"}
    model = ExternalModel("amazon-bedrock", "m", options)
    signer = AwsSignatures("a", "b", "us-east-1")
    target = external_target(entity(model), model, {"x": "a", "y": "b"}, READY, signer)
    assert (target.credential, target.signer) == (None, signer)
    without = external_target(entity(model), model, {"x": "a", "y": "b"}, READY)
    assert (without.credential, without.signer) == (None, None)
    waiting = external_target(entity(model), model, None, READY, signer)
    assert (waiting.signer, waiting.failure) == (None, "it is being deployed")


def test_without_secrets_it_cannot_serve() -> None:
    model = ExternalModel("openai", "m", {})
    target = external_target(entity(model), model, None, EntityState("DEPLOYMENT_FAILED", "why"))
    assert (target.failure, target.credential) == ("why", None)


async def test_secrets_are_resolved_or_unsealed(secrets: Any) -> None:
    secrets.known["{{secrets/s/k}}"] = "sk-1"
    by_reference = ExternalModel("openai", "m", {"openai_api_key": "{{secrets/s/k}}"})
    assert await secret_values(by_reference, "a", secrets) == {"openai_api_key": "sk-1"}
    sealed = ExternalModel("custom", "m", {}, {"bearer_token_auth.token": "value"})
    assert await secret_values(sealed, "a", secrets) == {"bearer_token_auth.token": "value"}
    missing = ExternalModel("custom", "m", {"api_key_auth": {"key": "k", "value": "{{x}}"}})
    with pytest.raises(InvalidParameter, match="for a"):
        await secret_values(missing, "a", secrets)


async def test_a_secret_that_cannot_be_sent(secrets: Any) -> None:
    secrets.known["{{secrets/s/k}}"] = "sk-secret\n"
    model = ExternalModel("openai", "m", {"openai_api_key": "{{secrets/s/k}}"})
    with pytest.raises(InvalidParameter, match="field openai_api_key holds a line break") as caught:
        await secret_values(model, "a", secrets)
    assert "sk-secret" not in str(caught.value)
