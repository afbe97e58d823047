"""Bodies of the serving-endpoints API. Unknown fields are refused by their name.

``Any`` stands where a value can hold a secret, which the framework would repeat in its error, or
where the value is looked at elsewhere.
"""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from lakeserve.control.endpoints.bodies import Body, Some, Text
from lakeserve.control.endpoints.gateway_requests import AiGatewayInput, LegacyRateLimitInput

MailAddress = Annotated[
    str, Field(max_length=254, pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+$")
]
LONGEST_DESCRIPTION = 16 * 1024


class ExternalModelInput(Body):
    """The block ``external_model`` of a served entity.

    Providers of third parties have blocks of their own, so unknown fields are refused elsewhere.
    """

    model_config = ConfigDict(extra="allow")

    name: Text
    provider: Text
    task: Text
    openai_config: Any = None
    custom_provider_config: Any = None
    databricks_model_serving_config: Any = None
    anthropic_config: Any = None
    cohere_config: Any = None
    amazon_bedrock_config: Any = None
    google_cloud_vertex_ai_config: Any = None
    ai21labs_config: Any = None
    palm_config: Any = None


class WorkloadInput(Body):
    """How a registered model is run."""

    workload_size: Any = None
    workload_type: Any = None
    scale_to_zero_enabled: Any = None
    min_provisioned_concurrency: Any = None
    max_provisioned_concurrency: Any = None
    min_provisioned_throughput: Any = None
    max_provisioned_throughput: Any = None
    provisioned_model_units: Any = None
    environment_vars: Any = None
    instance_profile_arn: Any = None
    burst_scaling_enabled: Any = None


class ServedEntityInput(WorkloadInput):
    """One model behind an endpoint: external or registered."""

    name: Text | None = None
    external_model: ExternalModelInput | None = None
    entity_name: Text | None = None
    entity_version: Any = None


class ServedModelInput(WorkloadInput):
    """A registered model behind an endpoint, in the older form."""

    name: Text | None = None
    model_name: Text
    model_version: Any = None


class RouteInput(Body):
    """The share of one entity; either name may be used."""

    served_model_name: Text | None = None
    served_entity_name: Text | None = None
    traffic_percentage: int


class TrafficInput(Body):
    """How calls are divided."""

    routes: Some[RouteInput] | None = None


class ConfigInput(Body):
    """What an endpoint serves."""

    name: Any = None
    served_entities: Some[ServedEntityInput] | None = None
    served_models: Some[ServedModelInput] | None = None
    traffic_config: TrafficInput | None = None
    auto_capture_config: Any = None


class TagInput(Body):
    """One tag."""

    key: Text
    value: Text | None = None


class MailInput(Body):
    """Addresses that want to hear of updates."""

    on_update_success: Some[MailAddress] | None = None
    on_update_failure: Some[MailAddress] | None = None


class CreateInput(Body):
    """A new endpoint."""

    name: Text
    config: ConfigInput | None = None
    tags: Some[TagInput] | None = None
    description: Annotated[Text, Field(max_length=LONGEST_DESCRIPTION)] | None = None
    ai_gateway: AiGatewayInput | None = None
    rate_limits: Some[LegacyRateLimitInput] | None = None
    route_optimized: bool | None = None
    budget_policy_id: Text | None = None
    email_notifications: MailInput | None = None
    telemetry_config: Any = None


class TagsInput(Body):
    """Tags to set and keys of tags to remove."""

    add_tags: Some[TagInput] | None = None
    delete_tags: Some[Text] | None = None


class NotificationsInput(Body):
    """Who wants to hear of updates; an endpoint's name is taken from the path."""

    name: Any = None
    email_notifications: MailInput | None = None
