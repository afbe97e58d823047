"""One frozen ``Settings``, built once from a TOML file, then the environment, then flags."""

import json
import os
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from lakeserve.core.errors import ConfigurationError
from lakeserve.core.identity import DEVELOPMENT_TOKEN
from lakeserve.core.prices import Price, PriceTable
from lakeserve.foundation_settings import Foundation, Section, checked_address

ENV_PREFIX = "LAKESERVE_"
CONFIG_VARIABLE = "LAKESERVE_CONFIG"
CONFIG_NAME = "lakeserve.toml"


AbsolutePath = Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())]


class DriverHost(Section):
    """A host that the driver proxy may reach on ports 3000-8000.

    Attributes:
        host: Name or address, without scheme and port.
        tls: Whether its apps speak https.
        ca_file: PEM bundle to check the driver's certificate against.
    """

    host: str
    tls: bool = False
    ca_file: Path | None = None

    @field_validator("host")
    @classmethod
    def _is_bare(cls, value: str) -> str:
        if not value or any(character in value for character in "/@? "):
            raise ValueError(f"{value!r} is not a host name or address (no scheme, port or path)")
        return value


class EngineSettings(Section):
    """How a local worker runs its model.

    Attributes:
        threads: Compute threads per worker.
        slots: Requests that one worker generates for at the same time.
        context_tokens: Context window of one request, at most; models with less keep theirs.
        queue: Requests that may wait for a worker's slots; further ones are answered with 429.
        start_timeout_s: A worker that is not ready after this many seconds counts as failed.
        idle_timeout_s: Workers that scale to zero are stopped after this long without a call.
        probe_interval_s: Pause between two health probes of a worker.
        probe_timeout_s: A probe without an answer for so long has failed; after three in a row the
            worker is replaced.
    """

    threads: int = Field(default=1, ge=1, le=256)
    slots: int = Field(default=4, ge=1, le=256)
    context_tokens: int = Field(default=8192, ge=256)
    queue: int = Field(default=256, ge=0)
    start_timeout_s: float = Field(default=60.0, gt=0)
    idle_timeout_s: float = Field(default=600.0, gt=0)
    probe_interval_s: float = Field(default=5.0, gt=0)
    probe_timeout_s: float = Field(default=5.0, gt=0)


class AutoscalingSettings(Section):
    """When an entity whose number of replicas follows its calls gets more of them, or fewer.

    Attributes:
        target_utilization: Share of a replica's concurrency that calls are to take.
        look_back_s: What calls take is averaged over so long.
        upscale_delay_s: More replicas are started when they have been wanted for so long.
        downscale_delay_s: Replicas are drained and ended when fewer have been wanted for so long.
        max_replicas: Replicas of an entity on one machine, at most; as many as it has processors
            for when left out. A Ray cluster finds room itself.
    """

    target_utilization: float = Field(default=0.8, gt=0, le=1)
    look_back_s: float = Field(default=15.0, ge=0)
    upscale_delay_s: float = Field(default=10.0, ge=0)
    downscale_delay_s: float = Field(default=300.0, ge=0)
    max_replicas: int | None = Field(default=None, ge=1, le=64)


class ModelPrice(Section):
    """What a model costs, per million tokens."""

    input: float = Field(default=0.0, ge=0)
    output: float = Field(default=0.0, ge=0)


class PriceSettings(Section):
    """The price table.

    Attributes:
        currency: For people; nothing is converted.
        models: Prices by ``provider/model``, ``model`` or ``provider/*``; the first of these that
            is there counts. What has no price costs nothing.
    """

    currency: str = "USD"
    models: dict[str, ModelPrice] = Field(default_factory=dict)

    def table(self) -> PriceTable:
        """The same as a value."""
        return PriceTable(
            {name: Price(each.input, each.output) for name, each in self.models.items()}
        )


class UsageSettings(Section):
    """What is kept of calls.

    Attributes:
        retention_days: Rows of single calls go after this many days; their sums stay.
    """

    retention_days: int = Field(default=365, ge=1)


class MailSettings(Section):
    """The server that mail is handed to.

    Attributes:
        sender: The address that mail comes from.
        starttls: Whether to encrypt the connection, and to check the server's certificate.
        user: To log in with, together with ``password``.
    """

    host: str
    sender: str = Field(pattern=r"^[^@\s]+@[^@\s]+$")
    port: int = Field(default=25, ge=1, le=65535)
    starttls: bool = False
    user: str | None = None
    password: SecretStr | None = None


class CacheSettings(Section):
    """Answers that are given again.

    Attributes:
        max_bytes: What one gateway process keeps, over all endpoints.
    """

    max_bytes: int = Field(default=64 * 1024 * 1024, ge=0)


class MlflowSettings(Section):
    """Custom MLflow models: where they come from, and what runs them.

    Attributes:
        python: An interpreter that has MLflow: it asks the registry, runs the embedded one, and
            runs the models themselves when ``environment`` is ``shared``. The platform's own when
            left out.
        tracking_uri: The registry: a tracking server's address, a directory, or whatever else
            MLflow takes. Left out, the platform keeps a registry of its own.
        registry_uri: Where registered models are, when that is elsewhere.
        environment: ``isolated``: what a model asks for, built by uv. ``shared``: ``python``.
        wheelhouse: A directory of packages that environments are built from, and nothing else.
        memory_mb: Memory of one worker's own, at most; half of the machine's when left out.
        start_timeout_s: A model that is not loaded after this many seconds counts as failed.
        build_timeout_s: Seconds that building an environment may take.
        max_request_bytes: Longest inference body of a custom model.
        creators: Who may have models served: they run code on this machine.
        readable_dirs: Files and directories that isolated models may read beside their own.
        writable_dirs: Those that they may change as well.
    """

    python: AbsolutePath | None = None
    tracking_uri: str | None = None
    registry_uri: str | None = None
    environment: Literal["isolated", "shared"] = "isolated"
    wheelhouse: AbsolutePath | None = None
    memory_mb: int | None = Field(default=None, ge=64)
    start_timeout_s: float = Field(default=300.0, gt=0)
    build_timeout_s: float = Field(default=1800.0, gt=0)
    max_request_bytes: int = Field(default=16 * 1024 * 1024, ge=1024)
    creators: Literal["admins", "everyone"] = "admins"
    readable_dirs: tuple[AbsolutePath, ...] = ()
    writable_dirs: tuple[AbsolutePath, ...] = ()


class TelemetrySettings(Section):
    """Where traces of calls go; nowhere unless an address is set.

    Attributes:
        otlp_endpoint: Of a collector that takes OTLP over HTTP, such as
            ``http://127.0.0.1:4318/v1/traces``.
        otlp_headers: For the collector, such as a credential.
        sample_ratio: Share of the calls to trace whose callers do not say whether they trace.
        service_name: The name under which traces are found.
    """

    otlp_endpoint: str | None = None
    otlp_headers: dict[str, SecretStr] = Field(default_factory=dict)
    sample_ratio: float = Field(default=1.0, ge=0, le=1)
    service_name: str = "lakeserve"

    @field_validator("otlp_endpoint")
    @classmethod
    def _is_http(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "http://none")
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{value!r} is not an http:// or https:// address")
        return value


class Settings(BaseSettings):
    """Everything an operator can choose.

    Attributes:
        data_dir: Holds the database, converted models, sockets and logs of one platform.
        host: Address to listen on. Any but a loopback address refuses the development token.
        port: Port to listen on.
        tls: Whether to listen for https as well, for clients that speak nothing else.
        tls_port: Port of the https listener.
        tls_certificate: PEM file with its certificate and those between it and its authority;
            without one, a self-signed certificate is made and kept in the data directory.
        tls_key: PEM file with the certificate's private key; without one, ``tls_certificate``.
        tls_names: Host names and addresses by which clients reach it, beside this machine's own.
        token: The administrator's bearer token. Without one it is the development token on loopback
            addresses, and a random one that is made at the first start on others.
        generate_token: Whether to make a random token on loopback addresses, too.
        foundation: What serves a name of the foundation catalogue: ``demo``, ``minilm``, the path
            of a GGUF file, the name of an added model (each of them also in a table with replicas,
            concurrency and scale to zero), an OpenAI-compatible server (an address, or a table), or
            a server program of this machine (a table).
        clusters: Driver hosts by cluster id; a bare string is a host.
        autoscaling: When entities get more replicas or fewer.
        mlflow: Custom MLflow models.
        models_dirs: Directories whose models endpoints may name by their path, beside ``models`` of
            the data directory.
        model_isolation: Whether models reach only their own files: ``auto`` where the kernel can
            hold them to it (Landlock), ``required`` refuses to start elsewhere, ``off`` lets them
            reach all that the platform's user may.
        max_request_bytes: Longest inference body that is accepted. The reference service takes
            4 MB for foundation and external endpoints.
        request_timeout_s: Longest time one inference call may take; the reference service's 297.
        drain_timeout_s: Time that calls in flight get when the platform stops.
        workspace_id: Reported to clients that ask which workspace this is.
        secret_keys: Master keys of the stored secrets, newest first, separated by commas; without
            them the file ``secrets.key`` of the data directory is used, and made when missing.
        runner: Where workers run: ``process`` (this machine) or ``ray`` (a Ray cluster).
        ray_address: ``HOST:PORT`` of the cluster's head, or ``auto`` for the one of this machine.
        database_url: A PostgreSQL database to use instead of a SQLite file in the data directory,
            ``postgresql://USER:PASSWORD@HOST:PORT/DATABASE``.
        redis_url: Redis or Valkey that gateways on several machines count rate limits in, such as
            ``redis://host:6379/0``; without it they are counted on this machine.
        guardrail_classifier: Judges texts for guardrails on safety and topics: the name of an
            entry point of the group ``lakeserve.classifiers``.
        mail: Who sends the mail that endpoints ask for; nobody when left out.
        prices: What models cost.
        usage: What is kept of calls.
        cache: How many answers are kept for endpoints that give them again.
        telemetry: Where traces go.
        gateway_workers: Processes that share the port and answer calls of endpoints; 0 has the
            platform's own process answer them.
        control_url: For ``lakeserve gateway``: the platform that answers everything else.
    """

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    data_dir: AbsolutePath = Path("~/.lakeserve")
    host: str = "127.0.0.1"
    port: int = Field(default=8400, ge=0, le=65535)
    tls: bool = False
    tls_port: int = Field(default=8443, ge=0, le=65535)
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_names: tuple[str, ...] = ()
    token: SecretStr | None = None
    generate_token: bool = False
    log_level: Literal["debug", "info", "warning", "error"] = "warning"
    log_format: Literal["text", "json"] = "text"
    foundation: dict[str, Foundation] = Field(default_factory=dict)
    clusters: dict[str, str | DriverHost] = Field(default_factory=dict)
    engine: EngineSettings = EngineSettings()
    autoscaling: AutoscalingSettings = AutoscalingSettings()
    prices: PriceSettings = PriceSettings()
    usage: UsageSettings = UsageSettings()
    cache: CacheSettings = CacheSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    mlflow: MlflowSettings = MlflowSettings()
    models_dirs: tuple[AbsolutePath, ...] = ()
    model_isolation: Literal["auto", "required", "off"] = "auto"
    max_request_bytes: int = Field(default=4 * 1024 * 1024, ge=1024)
    request_timeout_s: float = Field(default=297.0, gt=0)
    drain_timeout_s: float = Field(default=10.0, ge=0)
    secret_keys: SecretStr | None = None
    redis_url: SecretStr | None = None
    guardrail_classifier: str | None = None
    mail: MailSettings | None = None
    database_url: SecretStr | None = None
    runner: Literal["process", "ray"] = "process"
    ray_address: str = Field(default="auto", pattern=r"^(auto|[^/\s]+:\d{1,5})$")
    gateway_workers: int = Field(default=0, ge=0, le=64)
    control_url: str | None = None
    workspace_id: str = Field(default="1", pattern=r"^\d{1,19}$")

    @field_validator("control_url")
    @classmethod
    def _is_http(cls, value: str | None) -> str | None:
        return None if value is None else checked_address(value)

    @model_validator(mode="after")
    def _development_token_stays_home(self) -> "Settings":
        if not is_loopback(self.host) and self.uses_development_token:
            raise ValueError(
                f"host {self.host!r} is reachable from other machines, and the development token "
                "is public: set a long random token of your own (--token or LAKESERVE_TOKEN), "
                "leave it out to have one made, or listen on 127.0.0.1"
            )
        return self

    @property
    def administrator_token(self) -> str | None:
        """The administrator's token; None where it is a random one that only its owner knows."""
        if self.token is not None:
            return self.token.get_secret_value()
        is_generated = self.generate_token or not is_loopback(self.host)
        return None if is_generated else DEVELOPMENT_TOKEN

    @property
    def uses_development_token(self) -> bool:
        """Whether the administrator's token is the well-known one."""
        return self.administrator_token == DEVELOPMENT_TOKEN

    @property
    def database_path(self) -> Path:
        """The SQLite file."""
        return self.data_dir / "lakeserve.db"

    @property
    def journal_dir(self) -> Path:
        """Where gateway processes write calls down."""
        return self.data_dir / "journal"

    @property
    def tables_dir(self) -> Path:
        """Where inference tables lie, as ``<catalog>/<schema>/<table>``."""
        return self.data_dir / "tables"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags win over the environment, which wins over the TOML file."""
        toml = TomlConfigSettingsSource(settings_cls, toml_file=_toml_file.path)
        return init_settings, env_settings, toml


class _TomlFile:
    """The file that the next ``Settings`` reads; pydantic-settings has no argument for it."""

    path: Path | None = None


_toml_file = _TomlFile()


def is_loopback(host: str) -> bool:
    """Whether a listening address can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def load_settings(config: Path | None = None, **flags: Any) -> Settings:
    """Build the settings from a TOML file, the environment and flags, the last one winning.

    Args:
        config: The TOML file. Without it ``LAKESERVE_CONFIG`` is used, then ``lakeserve.toml`` of
            the working directory if there is one.
        flags: Values given on the command line; None means "not given".

    Raises:
        ConfigurationError: A key is unknown or a value is refused; the text names it.
    """
    _refuse_unknown_variables(os.environ)
    _toml_file.path = _config_path(config)
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        raise ConfigurationError(_explain(error)) from None
    except ValueError as error:  # a file that is not TOML, a variable that is not JSON
        raise ConfigurationError(f"{_toml_file.path or 'environment'}: {error}") from None


def handed_over(settings: Settings) -> dict[str, Any]:
    """Everything in plain JSON values, secrets too: for a child process of the same user."""
    plain: dict[str, Any] = json.loads(json.dumps(settings.model_dump(), default=_plain))
    return plain


def taken_over(values: dict[str, Any]) -> Settings:
    """The settings that :func:`handed_over` was given."""
    return Settings(**values)


def databricks_host() -> str | None:
    """The platform or workspace that clients shall use, as the environment has it."""
    return os.environ.get("DATABRICKS_HOST") or None


def prepare_for_ray(*, loopback: bool) -> None:
    """Set what Ray reads of the environment when it is imported, unless it is set already.

    Args:
        loopback: Whether the cluster is this machine's alone. Ray then stays on the loopback
            address; it would listen on every one otherwise, whatever it is told.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if loopback:
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")


def inherited_environment() -> dict[str, str]:
    """A copy of this process's environment, to start child processes with."""
    return dict(os.environ)


def child_environment() -> dict[str, str]:
    """What programs of others are started with: nothing that is the platform's own.

    The platform's token and master keys may stand in its environment.
    """
    return {
        name: value for name, value in os.environ.items() if not name.upper().startswith(ENV_PREFIX)
    }


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _config_path(config: Path | None) -> Path | None:
    named = config or (
        Path(os.environ[CONFIG_VARIABLE]) if os.environ.get(CONFIG_VARIABLE) else None
    )
    if named is not None:
        if not named.is_file():
            raise ConfigurationError(f"configuration file {str(named)!r} does not exist")
        return named
    default = Path(CONFIG_NAME)
    return default if default.is_file() else None


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    known = {ENV_PREFIX + name.upper() for name in Settings.model_fields} | {CONFIG_VARIABLE}
    for name in environment:
        upper = name.upper()
        if upper.startswith(ENV_PREFIX) and upper.split("__")[0] not in known:
            accepted = ", ".join(sorted(known))
            raise ConfigurationError(
                f"environment variable {name} is unknown; accepted: {accepted}"
            )


def _explain(error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_url=False):
        place = ".".join(str(part) for part in problem["loc"]) or "settings"
        if problem["type"] == "extra_forbidden":
            accepted = ", ".join(sorted(Settings.model_fields))
            lines.append(f"{place}: unknown key; accepted at the top level: {accepted}")
        elif problem["type"] == "value_error":
            lines.append(f"{place}: {problem['ctx']['error']}")
        else:
            lines.append(f"{place}: {problem['msg']}{_shown_input(place, problem['input'])}")
    return "\n".join(lines)


def _shown_input(place: str, value: object) -> str:
    """The refused value, unless it is a secret or may hold one."""
    named = any(part in place for part in ("token", "api_key", "secret", "database_url"))
    hidden = named or isinstance(value, (dict, list))
    return "" if hidden else f" (was {value!r})"
