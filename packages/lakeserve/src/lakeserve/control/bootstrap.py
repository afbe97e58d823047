"""Writes what the settings say into the stored facts, at every start."""

from dataclasses import replace
from pathlib import Path

from lakeserve.control.clusters.service import Registration, check_registration, pem_fault
from lakeserve.control.endpoints.catalogue import foundation_endpoints
from lakeserve.core.clusters import Cluster
from lakeserve.core.endpoints import Endpoint
from lakeserve.core.errors import ConfigurationError, InvalidParameter
from lakeserve.core.identity import Principal, new_token, new_token_id, token_digest
from lakeserve.core.ids import now_ms
from lakeserve.core.tokens import TokenFacts
from lakeserve.settings import DriverHost, Settings
from lakeserve.storage.database import Storage
from lakeserve.storage.transaction import Transaction
from lakeserve.workers.model_store import ModelStore

ADMINISTRATOR = Principal(
    id="1001", name="admin@lakeserve.local", display_name="Administrator", admin=True
)


async def apply_settings(storage: Storage, settings: Settings) -> str | None:
    """Bring administrator, token, foundation endpoints and clusters in line with the settings.

    A second call with the same settings changes nothing. Either all of it is stored or nothing.

    Returns:
        The administrator's token when one was made, which is known this one time.

    Raises:
        ConfigurationError: ``foundation`` or ``clusters`` holds something that cannot be used.
        Unavailable: The database cannot be written.
    """
    now = now_ms()
    models = ModelStore(settings.data_dir).kinds()
    endpoints = foundation_endpoints(settings.foundation, now, models)
    clusters = configured_clusters(settings, now)
    given = settings.administrator_token

    def work(transaction: Transaction) -> str | None:
        transaction.identity.save_user(ADMINISTRATOR, now)
        made = None
        if given is None:
            made = _first_token(transaction, now)
        else:
            transaction.identity.set_settings_token(ADMINISTRATOR.id, token_digest(given), now)
        _apply_foundation(transaction, endpoints)
        transaction.clusters.configure(clusters)
        return made

    return await storage.write(work)


def _first_token(transaction: Transaction, now: int) -> str | None:
    """Make a token for an administrator who has none, and let none of the settings count."""
    transaction.identity.forget_settings_token()
    kept = transaction.tokens.of(ADMINISTRATOR.id)
    if any(each.expires_at is None or each.expires_at > now for each in kept):
        return None
    value = new_token()
    facts = TokenFacts(
        id=new_token_id(),
        owner_id=ADMINISTRATOR.id,
        comment="Made when the platform started without one",
        created_by=ADMINISTRATOR.id,
        created_at=now,
    )
    transaction.tokens.create(facts, token_digest(value))
    return value


def configured_clusters(settings: Settings, now_ms: int) -> tuple[Cluster, ...]:
    """The driver hosts of the settings.

    Raises:
        ConfigurationError: An id, a host or a certificate file cannot be used.
    """
    return tuple(_cluster(name, value, now_ms) for name, value in sorted(settings.clusters.items()))


def _cluster(name: str, value: str | DriverHost, now_ms: int) -> Cluster:
    driver = DriverHost.model_construct(host=value) if isinstance(value, str) else value
    try:
        check_registration(Registration(name, driver.host))
    except InvalidParameter as error:
        raise ConfigurationError(f"clusters.{name}: {error.message}") from None
    return Cluster(
        id=name,
        host=driver.host,
        tls=driver.tls,
        ca_pem=_ca_pem(name, driver.ca_file),
        name=name,
        creator=ADMINISTRATOR.name,
        created_at=now_ms,
        from_settings=True,
    )


def _ca_pem(name: str, path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        text = path.expanduser().read_text("ascii")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text in PEM"
        raise ConfigurationError(
            f"clusters.{name}.ca_file: file {str(path)!r} cannot be read: {reason}"
        ) from None
    fault = pem_fault(text)
    if fault is not None:
        raise ConfigurationError(f"clusters.{name}.ca_file: file {str(path)!r} {fault}")
    return text


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
