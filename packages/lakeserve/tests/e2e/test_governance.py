"""Guardrails, limits and provisioned throughput, as databricks-sdk and openai know them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import openai
import pytest
from harness import PlatformProcess
from lakeserve.workers.llama import LlamaOptions
from lakeserve.workers.model_store import ModelStore
from lakeserve_demo_model import model_path

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

NAME = "governed"
UNITS = "units"
CARD = "My card is 4111 1111 1111 1111."


@pytest.fixture
def client(platform: PlatformProcess, monkeypatch: pytest.MonkeyPatch) -> WorkspaceClient:
    from databricks.sdk import WorkspaceClient

    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", "/dev/null")
    return WorkspaceClient(host=platform.url, token=platform.token)


@pytest.fixture
def asked(platform: PlatformProcess) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{platform.url}/serving-endpoints", api_key=platform.token, max_retries=0
    ) as made:
        yield made


@pytest.fixture
def endpoint(client: WorkspaceClient, platform: PlatformProcess) -> Iterator[str]:
    """The demo model, as an external model of this platform itself."""
    from databricks.sdk.service.serving import (
        EndpointCoreConfigInput,
        ExternalModel,
        ExternalModelProvider,
        OpenAiConfig,
        ServedEntityInput,
    )

    model = ExternalModel(
        name="databricks-dbrx-instruct",
        provider=ExternalModelProvider.OPENAI,
        task="llm/v1/chat",
        openai_config=OpenAiConfig(
            openai_api_base=f"{platform.url}/serving-endpoints",
            openai_api_key_plaintext=platform.token,
        ),
    )
    config = EndpointCoreConfigInput(
        name=NAME, served_entities=[ServedEntityInput(external_model=model)]
    )
    client.serving_endpoints.create_and_wait(NAME, config=config)
    yield NAME
    client.serving_endpoints.delete(NAME)


def test_guardrails(client: WorkspaceClient, asked: openai.OpenAI, endpoint: str) -> None:
    from databricks.sdk.service.serving import (
        AiGatewayGuardrailParameters,
        AiGatewayGuardrailPiiBehavior,
        AiGatewayGuardrailPiiBehaviorBehavior,
        AiGatewayGuardrails,
    )

    block = AiGatewayGuardrailPiiBehavior(behavior=AiGatewayGuardrailPiiBehaviorBehavior.BLOCK)
    wanted = AiGatewayGuardrails(
        input=AiGatewayGuardrailParameters(pii=block),
        output=AiGatewayGuardrailParameters(invalid_keywords=["paris"]),
    )
    stored = client.serving_endpoints.put_ai_gateway(endpoint, guardrails=wanted)
    assert stored.guardrails == wanted
    shown = client.serving_endpoints.get(endpoint).ai_gateway
    assert shown is not None
    assert shown.guardrails == wanted

    for text, direction in ((CARD, "input"), ("What is the capital of France?", "output")):
        for stream in (False, True):
            with pytest.raises(openai.BadRequestError) as caught:
                asked.chat.completions.create(
                    model=endpoint,
                    messages=[{"role": "user", "content": text}],
                    stream=stream,
                    temperature=0,
                )
            told = json.loads(caught.value.response.json()["message"])
            assert told["finishReason"] == f"{direction}_guardrail_triggered"
    found = asked.chat.completions.create(
        model=endpoint, messages=[{"role": "user", "content": "Hello!"}]
    )
    assert found.choices[0].message.content

    assert client.serving_endpoints.put_ai_gateway(endpoint).as_dict() == {}
    answered = asked.chat.completions.create(
        model=endpoint, messages=[{"role": "user", "content": CARD}]
    )
    assert answered.choices[0].message.content


def test_limits(client: WorkspaceClient, asked: openai.OpenAI, endpoint: str) -> None:
    from databricks.sdk.service.serving import RateLimit, RateLimitKey, RateLimitRenewalPeriod

    limit = RateLimit(calls=0, key=RateLimitKey.USER, renewal_period=RateLimitRenewalPeriod.MINUTE)
    stored = client.serving_endpoints.put(endpoint, rate_limits=[limit])
    assert stored.rate_limits == [limit]
    with pytest.raises(openai.RateLimitError, match="REQUEST_LIMIT_EXCEEDED"):
        asked.chat.completions.create(model=endpoint, messages=[{"role": "user", "content": "a"}])
    client.serving_endpoints.put(endpoint, rate_limits=[])


def test_provisioned_throughput(
    client: WorkspaceClient, asked: openai.OpenAI, shared_data_dir: Path
) -> None:
    from databricks.sdk.errors import InvalidParameterValue
    from databricks.sdk.service.serving import PtEndpointCoreConfig, PtServedModel

    ModelStore(shared_data_dir).add(UNITS, Path(model_path()), LlamaOptions(context_tokens=512))

    def config(units: int, model: str = UNITS) -> PtEndpointCoreConfig:
        served = PtServedModel(entity_name=model, provisioned_model_units=units)
        return PtEndpointCoreConfig(served_entities=[served])

    api = client.serving_endpoints
    with pytest.raises(InvalidParameterValue, match="'nothing'"):
        api.create_provisioned_throughput_endpoint(UNITS, config(50, "nothing"))
    made = api.create_provisioned_throughput_endpoint_and_wait(UNITS, config(50))
    try:
        assert made.task == "llm/v1/chat"
        answered = asked.chat.completions.create(
            model=UNITS, messages=[{"role": "user", "content": "Hello!"}], max_tokens=8
        )
        assert answered.choices[0].message.content
        updated = api.update_provisioned_throughput_endpoint_config_and_wait(UNITS, config(100))
        assert updated.config is not None
        assert updated.config.served_entities is not None
        assert updated.config.served_entities[0].provisioned_model_units == 100
        assert updated.config.config_version == 2
    finally:
        api.delete(UNITS)
