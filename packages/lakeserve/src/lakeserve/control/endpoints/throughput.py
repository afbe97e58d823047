"""Endpoints with provisioned throughput: models of this platform with a number of units. Pure."""

from collections.abc import Collection
from typing import Any

from lakeserve.control.endpoints.bodies import Body, Some, Text
from lakeserve.control.endpoints.gateway_requests import AiGatewayInput
from lakeserve.control.endpoints.requests import (
    ConfigInput,
    CreateInput,
    MailInput,
    ServedEntityInput,
    TagInput,
    TrafficInput,
)
from lakeserve.core.errors import InvalidParameter


class PtEntityInput(Body):
    """One model with its units."""

    name: Text | None = None
    entity_name: Text
    entity_version: Text | None = None
    provisioned_model_units: int
    burst_scaling_enabled: bool | None = None


class PtConfigInput(Body):
    """What such an endpoint serves."""

    served_entities: Some[PtEntityInput] | None = None
    traffic_config: TrafficInput | None = None


class PtCreateInput(Body):
    """A new endpoint."""

    name: Text
    config: PtConfigInput
    tags: Some[TagInput] | None = None
    ai_gateway: AiGatewayInput | None = None
    budget_policy_id: Text | None = None
    email_notifications: MailInput | None = None


class PtUpdateInput(Body):
    """Another config; the endpoint's name is taken from the path."""

    name: Any = None
    config: PtConfigInput


def as_create(given: PtCreateInput, models: Collection[str]) -> CreateInput:
    """The ordinary form of a new endpoint.

    Raises:
        InvalidParameter: It names a model that this platform does not have.
    """
    return CreateInput(
        name=given.name,
        config=as_config(given.config, models),
        tags=given.tags,
        ai_gateway=given.ai_gateway,
        budget_policy_id=given.budget_policy_id,
        email_notifications=given.email_notifications,
    )


def as_config(given: PtConfigInput, models: Collection[str]) -> ConfigInput:
    """The ordinary form of a config.

    Raises:
        InvalidParameter: It names a model that this platform does not have.
    """
    entities = given.served_entities or []
    for index, each in enumerate(entities):
        if each.entity_name not in models or each.entity_version is not None:
            place = f"config.served_entities.{index}"
            field = "entity_name" if each.entity_name not in models else "entity_version"
            known = ", ".join(sorted(models)) or "there are none; add one: lakeserve models add"
            raise InvalidParameter(
                f"Field '{place}.{field}' has the value {getattr(each, field)[:130]!r}; accepted:"
                f" models that were added to this platform, without a version ({known})."
            )
    return ConfigInput(
        served_entities=[ServedEntityInput(**each.model_dump()) for each in entities],
        traffic_config=given.traffic_config,
    )
