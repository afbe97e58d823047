"""Writes what the settings say into the stored facts, at every start."""

import re
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from lakeserve.control.endpoints.catalogue import foundation_endpoints
from lakeserve.core.endpoints import Cluster, Endpoint
from lakeserve.core.errors import ConfigurationError
from lakeserve.core.identity import Principal, token_digest
from lakeserve.core.ids import now_ms
from lakeserve.settings import DriverHost, Settings
from lakeserve.storage.database import Storage
from lakeserve.storage.transaction import Transaction

ADMINISTRATOR = Principal(
    id="1001", name="admin@lakeserve.local", display_name="Administrator", admin=True
)

_CLUSTER_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")


async def apply_settings(storage: Storage, settings: Settings) -> None:
    """Bring administrator, token, foundation endpoints and clusters in line with the settings.

    A second call with the same settings changes nothing. Either all of it is stored or nothing.

    Raises:
        ConfigurationError: ``foundation`` or ``clusters`` holds something that cannot be used.
        Unavailable: The database cannot be written.
    """
    now = now_ms()
    endpoints = foundation_endpoints(settings.foundation, now)
    clusters = configured_clusters(settings)
    digest = token_digest(settings.token.get_secret_value())

    def work(transaction: Transaction) -> None:
        transaction.identity.save_user(ADMINISTRATOR, now)
        transaction.identity.set_settings_token(ADMINISTRATOR.id, digest, now)
        _apply_foundation(transaction, endpoints)
        transaction.clusters.replace_all(clusters)

    await storage.write(work)


def configured_clusters(settings: Settings) -> tuple[Cluster, ...]:
    """The driver hosts of the settings.

    Raises:
        ConfigurationError: An id, a host or a certificate file cannot be used.
    """
    return tuple(_cluster(name, value) for name, value in sorted(settings.clusters.items()))


def _cluster(name: str, value: str | DriverHost) -> Cluster:
    if not _CLUSTER_ID.fullmatch(name):
        raise ConfigurationError(
            f"clusters.{name}: {name!r} is not a cluster id; accepted: letters, digits, '-', '_'"
            " and '.', at most 128 characters"
        )
    if isinstance(value, str):
        try:
            value = DriverHost(host=value)
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            raise ConfigurationError(f"clusters.{name}: {problem['ctx']['error']}") from None
    ca_file = _ca_file(name, value.ca_file)
    return Cluster(id=name, host=value.host, tls=value.tls, ca_file=ca_file)


def _ca_file(name: str, path: Path | None) -> str | None:
    if path is None:
        return None
    absolute = path.expanduser().absolute()
    if not absolute.is_file():
        raise ConfigurationError(f"clusters.{name}.ca_file: file {str(path)!r} does not exist")
    return str(absolute)


def _apply_foundation(transaction: Transaction, wanted: tuple[Endpoint, ...]) -> None:
    stored = {
        endpoint.name: endpoint
        for endpoint in transaction.endpoints.all()
        if endpoint.endpoint_type == "FOUNDATION_MODEL_API"
    }
    for endpoint in wanted:
        merged = succeeding(stored.pop(endpoint.name, None), endpoint)
        if merged is not None:
            transaction.endpoints.save(merged)
    for forgotten in stored.values():
        transaction.endpoints.delete(forgotten.id)


def succeeding(stored: Endpoint | None, wanted: Endpoint) -> Endpoint | None:
    """What to store so that an endpoint becomes as wanted, or None when it is already.

    It keeps its creation time; its version grows when what serves it changed.
    """
    if stored is None:
        return wanted
    kept = replace(
        wanted,
        created_at=stored.created_at,
        updated_at=stored.updated_at,
        config_version=stored.config_version,
    )
    if kept == stored:
        return None
    grown = int(kept.entities != stored.entities)
    return replace(kept, updated_at=wanted.updated_at, config_version=stored.config_version + grown)
