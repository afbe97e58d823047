"""Writes down who changed what, and shows it to administrators."""

import json
import logging
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Query
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lakeserve.control.authorization import Caller, require_admin
from lakeserve.core.audit import NOBODY, AuditEntry, named_object
from lakeserve.core.authentication import authenticate
from lakeserve.core.errors import InvalidParameter, Unavailable, WireError
from lakeserve.core.identity import Principal
from lakeserve.core.ids import now_ms
from lakeserve.core.ports import Directory
from lakeserve.storage.database import Storage

logger = logging.getLogger(__name__)

Json = dict[str, object]

PATH = "/api/2.0/lakeserve/audit-log"
CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
SECRET_READS = frozenset({"/api/2.0/secrets/get"})
BODY_BYTES = 256 * 1024
FAULT = 500
MOST_ENTRIES = 1000


class AuditTrail:
    """Writes a row for each call of the API that changes something or reads a secret.

    The row is written before the answer leaves, so that no answered change is missing.

    Args:
        app: The control plane.
        storage: Keeps the rows.
        directory: Knows the principals of tokens.
    """

    def __init__(self, app: ASGIApp, storage: Storage, directory: Directory) -> None:
        self._app = app
        self._storage = storage
        self._directory = directory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if not is_audited(scope):
            await self._app(scope, receive, send)
            return
        # Before the call: afterwards the credential may be gone, revoked by the call itself.
        actor = self._actor(scope)
        body = bytearray()

        async def listening() -> Message:
            message = await receive()
            body.extend(message.get("body", b"")[: BODY_BYTES - len(body)])
            return message

        is_recorded = False

        async def recording(message: Message) -> None:
            nonlocal is_recorded
            if message["type"] == "http.response.start":
                is_recorded = True
                await self._record(scope, actor, bytes(body), message["status"])
            await send(message)

        try:
            await self._app(scope, listening, recording)
        finally:
            if not is_recorded:
                # A fault: who answers it stands further out.
                await self._record(scope, actor, bytes(body), FAULT)

    def _actor(self, scope: Scope) -> str:
        header = dict(scope["headers"]).get(b"authorization")
        known = self._directory.snapshot()
        try:
            return authenticate(
                None if header is None else header.decode("latin-1"),
                known.principals,
                known.signed,
            ).name
        except WireError:
            return NOBODY

    async def _record(self, scope: Scope, actor: str, body: bytes, status: int) -> None:
        fields = {**dict(parse_qsl(scope["query_string"].decode("latin-1"))), **_fields(body)}
        entry = AuditEntry(
            at=now_ms(),
            actor=actor,
            action=scope["method"],
            object=named_object(scope["path"], fields),
            source=str((scope.get("client") or ("-",))[0]),
            status=status,
        )
        try:
            await self._storage.write(lambda transaction: transaction.audit.append(entry))
        except Unavailable:
            # What was done cannot be undone here; the server's log is the second witness.
            logger.exception("the audit log lacks: %s", entry)


def is_audited(scope: Scope) -> bool:
    """Whether a request belongs into the audit log."""
    if scope["type"] != "http" or not scope["path"].startswith("/api/"):
        return False
    return scope["method"] in CHANGES or scope["path"] in SECRET_READS


def _fields(body: bytes) -> Json:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def audit_routes(storage: Storage, caller: Caller) -> APIRouter:
    """The route that shows the log, to administrators only."""
    router = APIRouter()

    @router.get(PATH)
    async def show(
        who: Annotated[Principal, Depends(caller)],
        actor: str | None = None,
        max_results: Annotated[int, Query(ge=1, le=MOST_ENTRIES)] = 100,
        page_token: str | None = None,
    ) -> Json:
        require_admin(who, "read the audit log")
        before = _row_id(page_token)
        rows = await storage.read(
            lambda transaction: transaction.audit.newest(max_results, before_id=before, actor=actor)
        )
        more = {"next_page_token": str(rows[-1][0])} if len(rows) == max_results else {}
        return {"entries": [_shown(entry) for _, entry in rows], **more}

    return router


def _row_id(page_token: str | None) -> int | None:
    if page_token is None:
        return None
    if not page_token.isascii() or not page_token.isdecimal() or len(page_token) > 18:
        raise InvalidParameter(
            f"Field 'page_token' has the value '{page_token[:50]}'; accepted: the next_page_token"
            " of the page before."
        )
    return int(page_token)


def _shown(entry: AuditEntry) -> Json:
    return {
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "object": entry.object,
        "source": entry.source,
        "status": entry.status,
    }
