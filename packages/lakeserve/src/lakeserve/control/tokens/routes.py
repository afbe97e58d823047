"""The token APIs: one's own under ``/api/2.0/token``, everyone's under ``token-management``."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict

from lakeserve.control.authorization import Caller
from lakeserve.control.tokens.service import TokenService
from lakeserve.core.errors import InvalidParameter, NotBuilt
from lakeserve.core.identity import Principal
from lakeserve.core.tokens import TokenFacts

Json = dict[str, object]

OWN = "/api/2.0/token"
EVERYONES = "/api/2.0/token-management"
NEVER = -1
WHOLE_API = "all-apis"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Create(_Body):
    comment: str = ""
    lifetime_seconds: int | None = None
    scopes: list[str] = []
    autoscope_enabled: bool = False


class _CreateFor(_Create):
    application_id: str


class _Delete(_Body):
    token_id: str


class _Changed(BaseModel):
    # Clients send back whole token infos; ``update_mask`` says what of them counts.
    comment: str | None = None


class _Update(_Body):
    token: _Changed
    update_mask: str = "comment"


def token_routes(service: TokenService, caller: Caller, workspace_id: str) -> APIRouter:
    """Routes of both APIs."""
    router = APIRouter()
    _add_own(router, service, caller)
    _add_everyones(router, service, caller, int(workspace_id))
    return router


def _add_own(router: APIRouter, service: TokenService, caller: Caller) -> None:
    @router.post(OWN + "/create")
    async def create(body: _Create, who: Annotated[Principal, Depends(caller)]) -> Json:
        _refuse_scopes(body)
        return _created(*await service.create(who, body.comment, body.lifetime_seconds))

    @router.get(OWN + "/list")
    async def show(who: Annotated[Principal, Depends(caller)]) -> Json:
        return {"token_infos": [token_info(facts) for facts in await service.own(who)]}

    @router.post(OWN + "/delete")
    async def delete(body: _Delete, who: Annotated[Principal, Depends(caller)]) -> Json:
        await service.delete(who, body.token_id, of_anyone=False)
        return {}

    @router.patch(OWN + "/{token_id}")
    async def update(
        token_id: str, body: _Update, who: Annotated[Principal, Depends(caller)]
    ) -> Json:
        await service.set_comment(who, token_id, _comment(body), of_anyone=False)
        return {}


def _add_everyones(
    router: APIRouter, service: TokenService, caller: Caller, workspace_id: int
) -> None:
    def shown(facts: TokenFacts, names: Mapping[str, str]) -> Json:
        return {**managed_token_info(facts, names), "workspace_id": workspace_id}

    @router.post(EVERYONES + "/on-behalf-of/tokens")
    async def create(body: _CreateFor, who: Annotated[Principal, Depends(caller)]) -> Json:
        _refuse_scopes(body)
        made = await service.create_for(
            who, body.application_id, body.comment, body.lifetime_seconds
        )
        return _created(*made)

    @router.get(EVERYONES + "/tokens")
    async def show(
        who: Annotated[Principal, Depends(caller)],
        created_by_id: str | None = None,
        created_by_username: str | None = None,
    ) -> Json:
        tokens, names = await service.everyones(who)
        found = [
            shown(facts, names)
            for facts in tokens
            if created_by_id in {None, facts.created_by}
            and created_by_username in {None, names.get(facts.created_by)}
        ]
        return {"token_infos": found}

    @router.get(EVERYONES + "/tokens/{token_id}")
    async def get(token_id: str, who: Annotated[Principal, Depends(caller)]) -> Json:
        return {"token_info": shown(*await service.find(who, token_id))}

    @router.patch(EVERYONES + "/tokens/{token_id}")
    async def update(
        token_id: str, body: _Update, who: Annotated[Principal, Depends(caller)]
    ) -> Json:
        await service.set_comment(who, token_id, _comment(body), of_anyone=True)
        return shown(*await service.find(who, token_id))

    @router.delete(EVERYONES + "/tokens/{token_id}")
    async def delete(token_id: str, who: Annotated[Principal, Depends(caller)]) -> Json:
        await service.delete(who, token_id, of_anyone=True)
        return {}


def token_info(facts: TokenFacts) -> Json:
    """A token as its owner sees it."""
    return {
        "token_id": facts.id,
        "creation_time": facts.created_at,
        "expiry_time": NEVER if facts.expires_at is None else facts.expires_at,
        "comment": facts.comment,
    }


def managed_token_info(facts: TokenFacts, names: Mapping[str, str]) -> Json:
    """A token as administrators see it."""
    return {
        **token_info(facts),
        "created_by_id": int(facts.created_by),
        "created_by_username": names.get(facts.created_by, ""),
        "owner_id": int(facts.owner_id),
    }


def _created(value: str, facts: TokenFacts) -> Json:
    return {"token_value": value, "token_info": token_info(facts)}


def _refuse_scopes(body: _Create) -> None:
    """A token that can do more than its owner asked for is worse than none."""
    if set(body.scopes) - {WHOLE_API}:
        raise NotBuilt("Tokens with scopes are not implemented by this server.")


def _comment(body: _Update) -> str:
    fields = {field.strip() for field in body.update_mask.split(",")}
    if "scopes" in fields:
        raise NotBuilt("Tokens with scopes are not implemented by this server.")
    if fields != {"comment"} or body.token.comment is None:
        raise InvalidParameter(
            f"Field 'update_mask' has the value '{body.update_mask}'; accepted: 'comment', with"
            " 'token.comment' given."
        )
    return body.token.comment
