from typing import Any

import pytest
from lakeserve.control.bootstrap import ADMINISTRATOR
from lakeserve.control.endpoints.gateway_requests import AiGatewayInput, RateLimitsInput
from lakeserve.control.endpoints.requests import (
    ConfigInput,
    CreateInput,
    NotificationsInput,
    TagsInput,
)
from lakeserve.control.endpoints.service import EndpointService
from lakeserve.control.secrets.vault import Vault
from lakeserve.core.ai_gateway import AiGateway, RateLimit
from lakeserve.core.endpoints import ExternalModel, Notifications
from lakeserve.core.errors import (
    InvalidParameter,
    NotBuilt,
    PermissionDenied,
    ResourceExists,
    ResourceMissing,
)
from lakeserve.core.guardrails import Abilities
from lakeserve.core.identity import Principal
from lakeserve.storage.database import Storage

OWNER = Principal("2001", "owner@example.com", "Owner")
STRANGER = Principal("2002", "stranger@example.com", "Stranger")


LIMIT = {"calls": 1, "renewal_period": "minute"}


def config(**secret: str) -> dict[str, Any]:
    model = {
        "name": "gpt-4",
        "provider": "openai",
        "task": "llm/v1/chat",
        "openai_config": secret or {"openai_api_key": "{{secrets/scope/key}}"},
    }
    return {"served_entities": [{"external_model": model}]}


def create(**fields: Any) -> CreateInput:
    return CreateInput.model_validate({"name": "mine", "config": config(), **fields})


def update(**secret: str) -> ConfigInput:
    return ConfigInput.model_validate(config(**secret))


@pytest.fixture
async def service(storage: Storage, vault: Vault, changes: Any) -> EndpointService:
    def users(transaction: Any) -> None:
        for user in (ADMINISTRATOR, OWNER, STRANGER):
            transaction.identity.save_user(user, 1)

    await storage.write(users)
    return EndpointService(storage, vault, changes, Abilities())


async def test_strangers_see_nothing(service: EndpointService, changes: Any) -> None:
    made = await service.create(create(), OWNER)
    assert await service.all(OWNER) == await service.all(ADMINISTRATOR) == (made,)
    assert await service.all(STRANGER) == ()
    calls = (
        service.get("mine", STRANGER),
        service.delete("mine", STRANGER),
        service.update_config("mine", update(), STRANGER),
        service.change_tags("mine", TagsInput(), STRANGER),
        service.notify("mine", NotificationsInput(), STRANGER),
        service.govern("mine", None, STRANGER),
        service.limit("mine", RateLimitsInput(), STRANGER),
        service.check_may_change("mine", STRANGER),
    )
    for call in calls:
        with pytest.raises(ResourceMissing, match="'mine' does not exist"):
            await call
    # The name is taken all the same.
    with pytest.raises(ResourceExists):
        await service.create(create(), STRANGER)
    assert changes.heard == 1


async def test_plaintext_secrets_are_sealed(
    service: EndpointService, storage: Storage, vault: Vault
) -> None:
    await service.create(create(config=config(openai_api_key_plaintext="sk-1")), OWNER)
    found = await storage.read(lambda tx: tx.endpoints.find("mine"))
    assert found is not None
    backend = found.entities[0].backend
    assert isinstance(backend, ExternalModel)
    assert backend.options == {}
    assert await vault.unseal(backend.sealed["openai_api_key"]) == "sk-1"


async def test_limits_of_the_older_kind_are_part_of_the_block(service: EndpointService) -> None:
    await service.create(create(), OWNER)
    tracked = AiGatewayInput.model_validate({"usage_tracking_config": {"enabled": True}})
    await service.govern("mine", tracked, OWNER)
    given = RateLimitsInput.model_validate({"rate_limits": [LIMIT]})
    limits = (RateLimit(calls=1),)
    assert await service.limit("mine", given, OWNER) == limits
    found = await service.get("mine", OWNER)
    assert found.ai_gateway == AiGateway(rate_limits=limits, usage_tracking=True)

    await service.govern("mine", None, OWNER)
    await service.limit("mine", given, OWNER)
    await service.limit("mine", RateLimitsInput(), OWNER)
    assert (await service.get("mine", OWNER)).ai_gateway is None


CUSTOM = {"served_entities": [{"entity_name": "iris", "entity_version": "1"}]}


async def test_registered_models_run_for_those_who_may_run_code(
    service: EndpointService, storage: Storage, vault: Vault, changes: Any
) -> None:
    with pytest.raises(PermissionDenied, match=r"the setting mlflow\.creators"):
        await service.create(create(config=CUSTOM), OWNER)
    by_all = EndpointService(storage, vault, changes, Abilities(), custom_by_all=True)
    mine = await by_all.create(create(config=CUSTOM), OWNER)
    assert (mine.endpoint_type, mine.task) == ("CUSTOM_MODEL", None)
    with pytest.raises(PermissionDenied, match="registered models"):
        await service.update_config("mine", ConfigInput.model_validate(CUSTOM), OWNER)
    other = await service.create(create(name="other", config=CUSTOM), ADMINISTRATOR)
    assert [entity.name for entity in other.entities] == ["iris-1"]
    with pytest.raises(InvalidParameter, match="of the type CUSTOM_MODEL and cannot become"):
        await service.update_config("other", update(), ADMINISTRATOR)


async def test_the_task_stays(service: EndpointService) -> None:
    await service.create(create(), OWNER)
    wanted = config()
    wanted["served_entities"][0]["external_model"]["task"] = "llm/v1/embeddings"
    with pytest.raises(InvalidParameter, match="is llm/v1/chat and cannot become llm/v1/embedd"):
        await service.update_config("mine", ConfigInput.model_validate(wanted), OWNER)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"config": None, "ai_gateway": {"guardrails": {}}}, InvalidParameter, "without a config"),
        ({"config": None, "rate_limits": [LIMIT]}, InvalidParameter, "without a config"),
        ({"config": None}, InvalidParameter, "'config' is required"),
        (
            {"ai_gateway": {"guardrails": {"input": {"safety": True}}}},
            NotBuilt,
            "input.safety",
        ),
        ({"rate_limits": [LIMIT, LIMIT]}, InvalidParameter, "'rate_limits.1' is about the same"),
        ({"route_optimized": True}, NotBuilt, "route_optimized"),
        ({"budget_policy_id": "b"}, NotBuilt, "budget_policy_id"),
        ({"telemetry_config": {"x": 1}}, NotBuilt, "telemetry_config"),
        ({"name": "databricks-x"}, InvalidParameter, "reserved"),
    ],
)
async def test_what_cannot_be_created(
    service: EndpointService, fields: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        await service.create(create(**fields), OWNER)
    assert await service.all(OWNER) == ()


async def test_an_update_borrows_no_rights(
    service: EndpointService, storage: Storage, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.create(create(), OWNER)
    denied = True

    async def resolve(reference: str, creator: str) -> str:
        if denied:
            raise PermissionDenied(f"{creator} may not read {reference}")
        raise InvalidParameter("no such secret")

    monkeypatch.setattr(vault, "resolve", resolve)
    with pytest.raises(PermissionDenied, match=f"{ADMINISTRATOR.name} may not read"):
        await service.update_config("mine", update(), ADMINISTRATOR)
    # A missing secret is for the deployment to report.
    denied = False
    await service.update_config("mine", update(), ADMINISTRATOR)
    await service.delete("mine", OWNER)


MAIL: dict[str, Any] = {"email_notifications": {"on_update_failure": ["a@example.com"]}}


async def test_those_who_want_mail(
    service: EndpointService, storage: Storage, vault: Vault, changes: Any
) -> None:
    wanted = Notifications((), ("a@example.com",))
    with pytest.raises(NotBuilt, match="the setting 'mail'"):
        await service.create(create(**MAIL), OWNER)
    with_mail = EndpointService(storage, vault, changes, Abilities(), sends_mail=True)
    assert (await with_mail.create(create(**MAIL), OWNER)).notifications == wanted
    given = NotificationsInput.model_validate(MAIL)
    with pytest.raises(NotBuilt, match="nobody's address is stored"):
        await service.notify("mine", given, OWNER)
    assert await with_mail.notify("mine", given, OWNER) == wanted
    assert await service.notify("mine", NotificationsInput(), OWNER) == Notifications()
