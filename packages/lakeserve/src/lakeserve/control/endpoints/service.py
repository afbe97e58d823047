"""What callers may do with serving endpoints."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from lakeserve.control.endpoints.access import check_may_manage, visible
from lakeserve.control.endpoints.added_models import NO_MODELS
from lakeserve.control.endpoints.ai_gateway import (
    Surroundings,
    check_change,
    check_gateway,
    check_limits,
    check_shadow,
)
from lakeserve.control.endpoints.config import (
    CheckedConfig,
    check_config,
    check_name,
    check_tags,
    sealed,
)
from lakeserve.control.endpoints.external_models import references
from lakeserve.control.endpoints.gateway_requests import AiGatewayInput, RateLimitsInput
from lakeserve.control.endpoints.registered_models import environment_references
from lakeserve.control.endpoints.requests import (
    ConfigInput,
    CreateInput,
    MailInput,
    NotificationsInput,
    TagsInput,
)
from lakeserve.control.endpoints.unenforced import check_enforced, refuse
from lakeserve.core.ai_gateway import AiGateway, RateLimit
from lakeserve.core.endpoints import (
    Backend,
    ConfigUpdate,
    Endpoint,
    EntityState,
    ExternalModel,
    Notifications,
    RegisteredModel,
    ServedEntity,
)
from lakeserve.core.errors import (
    InvalidParameter,
    NotBuilt,
    PermissionDenied,
    ResourceConflict,
    ResourceExists,
    ResourceMissing,
)
from lakeserve.core.guardrails import Abilities
from lakeserve.core.identity import Principal
from lakeserve.core.ids import now_ms, object_id
from lakeserve.core.permissions import level_of
from lakeserve.core.ports import Changes, SecretResolver
from lakeserve.storage.database import Storage
from lakeserve.storage.transaction import Transaction
from lakeserve.workers.protocols import ModelKind


class EntityStates(Protocol):
    """Answers with what was last seen of every served entity."""

    def states(self) -> Mapping[str, EntityState]:
        """By entity id."""
        ...


class EndpointService:
    """The rules of serving endpoints.

    Methods that name an endpoint raise ``ResourceMissing`` when there is none that the caller may
    see. Those that change one raise ``InvalidParameter`` for a built-in endpoint and
    ``PermissionDenied`` when the caller may not manage it.

    Args:
        storage: Where endpoints lie.
        secrets: Seals secrets that come in plain text.
        changes: Hears of every change that decides where calls go.
        abilities: What guardrails can be kept.
        sends_mail: Whether those are told who want to hear of updates.
        custom_by_all: Whether others than administrators may have registered models served.
        added_models: Knows the kinds of the models that were added to the platform, by name.
    """

    def __init__(
        self,
        storage: Storage,
        secrets: SecretResolver,
        changes: Changes,
        abilities: Abilities,
        *,
        custom_by_all: bool = False,
        sends_mail: bool = False,
        added_models: Callable[[], Mapping[str, ModelKind]] = lambda: NO_MODELS,
    ) -> None:
        self.added_models = added_models
        self._custom_by_all = custom_by_all
        self._sends_mail = sends_mail
        self._storage = storage
        self._secrets = secrets
        self._changes = changes
        self._abilities = abilities

    async def all(self, caller: Principal) -> tuple[Endpoint, ...]:
        """The endpoints that the caller may see, by name."""
        found = await self._storage.read(lambda transaction: transaction.endpoints.all())
        return tuple(endpoint for endpoint in found if level_of(endpoint, caller) is not None)

    async def get(self, name: str, caller: Principal) -> Endpoint:
        """The endpoint of that name."""
        return await self._storage.read(lambda transaction: _find(transaction, name, caller))

    async def create(self, given: CreateInput, caller: Principal) -> Endpoint:
        """Make an endpoint.

        Raises:
            InvalidParameter: A field has a value that is not accepted.
            NotBuilt: It wants something that is documented, but not built.
            PermissionDenied: The caller may not have registered models served.
            ResourceExists: The name is taken.
        """
        check_name(given.name)
        _check_unbuilt(given)
        checked = check_config(given.config, "config.", self.added_models())
        self._check_may_run(checked, caller)
        block = _block(given, checked, self._abilities)
        tags = check_tags(given.tags, "tags")
        now = now_ms()
        endpoint = Endpoint(
            id=object_id(),
            name=given.name,
            task=checked.task,
            endpoint_type=checked.endpoint_type,
            creator=caller.name,
            created_at=now,
            updated_at=now,
            entities=await self._sealed(checked),
            description=given.description or "",
            tags=tags,
            ai_gateway=block,
            notifications=self._wanted_mail(given.email_notifications),
        )

        def work(transaction: Transaction) -> Endpoint:
            if transaction.endpoints.find(endpoint.name) is not None:
                raise ResourceExists(f"Endpoint with name '{endpoint.name}' already exists.")
            transaction.endpoints.save(endpoint)
            return endpoint

        await self._storage.write(work)
        await self._changes.endpoints_changed()
        return await self.get(endpoint.name, caller)

    async def delete(self, name: str, caller: Principal) -> None:
        """Remove an endpoint; calls that are being answered go on."""
        await self._change(
            name, caller, lambda transaction, endpoint: transaction.endpoints.delete(endpoint.id)
        )

    async def update_config(
        self, name: str, given: ConfigInput, caller: Principal, where: str = ""
    ) -> Endpoint:
        """Have another config deployed; the present one serves until that has come about.

        Args:
            name: The endpoint's.
            given: The config.
            caller: Who asks.
            where: Its dotted place in the body with a dot at its end, or an empty text.

        Raises:
            InvalidParameter: A field has a value that is not accepted.
            NotBuilt: It wants something that is documented, but not built.
            ResourceConflict: An update of this endpoint is being deployed.
            PermissionDenied: The caller may not read a secret that the creator may read, or may not
                have registered models served.
        """
        endpoint = await self.get(name, caller)
        check_may_manage(endpoint, caller)
        checked = check_config(given, where, self.added_models())
        self._check_may_run(checked, caller)
        if checked.endpoint_type != endpoint.endpoint_type:
            raise InvalidParameter(
                f"Endpoint '{name}' is of the type {endpoint.endpoint_type} and cannot become one"
                f" of the type {checked.endpoint_type}."
            )
        if checked.task is not None and checked.task != endpoint.task:
            raise InvalidParameter(
                f"The task of endpoint '{name}' is {endpoint.task} and cannot become"
                f" {checked.task}."
            )
        if caller.name != endpoint.creator:
            await self._check_may_read(checked, caller)
        update = ConfigUpdate(object_id(), await self._sealed(checked), now_ms())

        def work(transaction: Transaction, current: Endpoint) -> None:
            if current.update is not None and current.update.failure is None:
                raise ResourceConflict(
                    f"Endpoint '{name}' is being updated. Wait until its config_update is no longer"
                    " IN_PROGRESS."
                )
            check_shadow(current.ai_gateway, [entity.name for entity in update.entities])
            transaction.endpoints.set_update(current.id, update)

        await self._change(name, caller, work)
        return await self.get(name, caller)

    async def change_tags(self, name: str, given: TagsInput, caller: Principal) -> Endpoint:
        """Set and remove tags."""
        added = check_tags(given.add_tags, "add_tags")
        removed = set(given.delete_tags or ())

        def work(transaction: Transaction, endpoint: Endpoint) -> None:
            kept = {key: value for key, value in endpoint.tags.items() if key not in removed}
            transaction.endpoints.set_tags(endpoint.id, {**kept, **added})

        await self._change(name, caller, work)
        return await self.get(name, caller)

    async def notify(
        self, name: str, given: NotificationsInput, caller: Principal
    ) -> Notifications:
        """Write who wants to hear of updates.

        Raises:
            NotBuilt: Nobody sends mail here.
        """
        endpoint = await self.get(name, caller)
        check_may_manage(endpoint, caller)
        wanted = self._wanted_mail(given.email_notifications) or Notifications()
        await self._change(
            name,
            caller,
            lambda transaction, endpoint: transaction.endpoints.set_notifications(
                endpoint.id, wanted
            ),
        )
        return wanted

    async def govern(
        self, name: str, given: AiGatewayInput | None, caller: Principal
    ) -> AiGateway | None:
        """Replace what the gateway does for an endpoint beside forwarding.

        Raises:
            InvalidParameter: A field has a value that is not accepted.
            NotBuilt: It wants something that is documented, but not built.
        """

        def wanted(endpoint: Endpoint) -> AiGateway | None:
            served = (*endpoint.entities, *(endpoint.update.entities if endpoint.update else ()))
            return check_gateway(given, Surroundings(name, [entity.name for entity in served]))

        return await self._govern(name, wanted, caller)

    async def limit(
        self, name: str, given: RateLimitsInput, caller: Principal
    ) -> tuple[RateLimit, ...]:
        """Replace an endpoint's rate limits and leave the rest as it is."""
        limits = check_limits(given.rate_limits, "rate_limits")

        def wanted(endpoint: Endpoint) -> AiGateway | None:
            block = replace(endpoint.ai_gateway or AiGateway(), rate_limits=limits)
            return None if block == AiGateway() else block

        await self._govern(name, wanted, caller)
        return limits

    async def _govern(
        self, name: str, wanted: Callable[[Endpoint], AiGateway | None], caller: Principal
    ) -> AiGateway | None:
        stored: list[AiGateway | None] = []

        def work(transaction: Transaction, endpoint: Endpoint) -> None:
            block = wanted(endpoint)
            check_enforced(block, "", self._abilities, endpoint.task)
            check_change(endpoint.ai_gateway, block)
            transaction.endpoints.set_ai_gateway(endpoint.id, block)
            stored.append(block)

        await self._change(name, caller, work)
        return stored[-1]

    def _wanted_mail(self, given: MailInput | None) -> Notifications | None:
        if given is None:
            return None
        wanted = Notifications(
            tuple(given.on_update_success or ()), tuple(given.on_update_failure or ())
        )
        if wanted != Notifications() and not self._sends_mail:
            raise NotBuilt(
                "Mail to tell of updates ('email_notifications') is not sent by this platform, so"
                " nobody's address is stored; the operator names a server in the setting 'mail'."
            )
        return wanted

    async def check_may_change(self, name: str, caller: Principal) -> None:
        """Raise unless the caller may change the endpoint."""
        check_may_manage(await self.get(name, caller), caller)

    async def _change(
        self, name: str, caller: Principal, work: Callable[[Transaction, Endpoint], None]
    ) -> None:
        def checked(transaction: Transaction) -> None:
            endpoint = _find(transaction, name, caller)
            check_may_manage(endpoint, caller)
            work(transaction, endpoint)

        await self._storage.write(checked)
        await self._changes.endpoints_changed()

    async def _sealed(self, checked: CheckedConfig) -> tuple[ServedEntity, ...]:
        result = []
        for entity, draft in checked.entities:
            if draft is None:
                result.append(entity)
                continue
            ciphertexts = {
                name: await self._secrets.seal(value) for name, value in draft.plaintexts.items()
            }
            result.append(sealed(entity, draft, ciphertexts))
        return tuple(result)

    def _check_may_run(self, checked: CheckedConfig, caller: Principal) -> None:
        """A registered model is a program, which runs as the platform's user."""
        if checked.endpoint_type == "CUSTOM_MODEL" and not (caller.admin or self._custom_by_all):
            raise PermissionDenied(
                f"{caller.name} may not have registered models served: administrators may, and"
                " everyone where the setting mlflow.creators is 'everyone'."
            )

    async def _check_may_read(self, checked: CheckedConfig, caller: Principal) -> None:
        """Secrets count with the creator's rights; nobody borrows these by an update."""
        for reference in (
            name for entity, _ in checked.entities for name in _references(entity.backend)
        ):
            # Anything else that is wrong with a secret is said by the deployment.
            with suppress(InvalidParameter, ResourceMissing):
                await self._secrets.resolve(reference, caller.name)


def _references(backend: Backend) -> tuple[str, ...]:
    if isinstance(backend, ExternalModel):
        return references(backend)
    if isinstance(backend, RegisteredModel):
        return environment_references(backend)
    return ()


def _find(transaction: Transaction, name: str, caller: Principal) -> Endpoint:
    return visible(transaction.endpoints.find(name), caller, f"name '{name}'")


def _block(given: CreateInput, checked: CheckedConfig, abilities: Abilities) -> AiGateway | None:
    """What the gateway is to do for a new endpoint beside forwarding."""
    names = [entity.name for entity, _ in checked.entities]
    block = check_gateway(given.ai_gateway, Surroundings(given.name, names, "ai_gateway."))
    check_enforced(block, "ai_gateway.", abilities, checked.task)
    if not given.rate_limits:
        return block
    if block is not None and block.rate_limits:
        raise InvalidParameter(
            "Fields 'rate_limits' and 'ai_gateway.rate_limits' exclude each other."
        )
    limits = check_limits(given.rate_limits, "rate_limits")
    return replace(block or AiGateway(), rate_limits=limits)


def _check_unbuilt(given: CreateInput) -> None:
    if given.config is None and given.ai_gateway:
        raise InvalidParameter(
            "Cannot specify ai_gateway when creating endpoints without a config."
        )
    if given.config is None and given.rate_limits:
        raise InvalidParameter(
            "Cannot specify rate_limits when creating endpoints without a config."
        )
    if given.route_optimized:
        raise refuse("Route optimization ('route_optimized')")
    if given.budget_policy_id:
        raise refuse("Budget policies ('budget_policy_id')")
    if given.telemetry_config:
        raise refuse("Telemetry of serving endpoints ('telemetry_config')")
