"""Serving endpoints as values: what is wanted, what is seen, and where calls go."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from lakeserve.core.ai_gateway import AiGateway
from lakeserve.core.grants import Grant, Grantees
from lakeserve.core.signing import RequestSigner

Task = Literal[
    "llm/v1/chat",
    "llm/v1/completions",
    "llm/v1/embeddings",
    "agent/v1/chat",
    "agent/v2/chat",
    "agent/v1/responses",
]

EndpointType = Literal["FOUNDATION_MODEL_API", "EXTERNAL_MODEL", "CUSTOM_MODEL"]

DeploymentState = Literal[
    "DEPLOYMENT_CREATING",
    "DEPLOYMENT_READY",
    "DEPLOYMENT_FAILED",
    "DEPLOYMENT_RECOVERING",
    "DEPLOYMENT_ABORTED",
]

StartPolicy = Literal["eager", "on-demand", "until-idle"]


@dataclass(frozen=True, slots=True)
class Scale:
    """How many calls the workers of an entity answer at a time.

    Attributes:
        concurrency: Calls at a time, of as many replicas as there may be; None for what the
            settings say.
        replicas: Workers that share the calls, however few these are.
        model_units: The units of provisioned throughput that the concurrency was asked for in.
        most_replicas: Workers that share them when there are many; None where their number is
            fixed.
        min_concurrency: Calls that it was asked to be ready for at any time, or None.
    """

    concurrency: int | None = None
    replicas: int = 1
    model_units: int | None = None
    most_replicas: int | None = None
    min_concurrency: int | None = None

    @property
    def most(self) -> int:
        """Replicas that there are at most."""
        return max(self.replicas, self.most_replicas or 0)

    @property
    def follows_load(self) -> bool:
        """Whether there are more replicas while there are more calls."""
        return self.most > self.replicas

    def share(self) -> int | None:
        """The calls that one of the replicas answers at a time."""
        return None if self.concurrency is None else -(-self.concurrency // self.most)

    def within(self, room: int) -> "Scale":
        """The same calls by at most ``room`` replicas, or by those that always run."""
        return replace(self, most_replicas=min(self.most, max(room, self.replicas)))


WorkloadSize = Literal["Small", "Medium", "Large"]

# Requests at a time, per size, and those that it is ready for at any time while it is not asleep.
CONCURRENCY: Mapping[WorkloadSize, int] = {"Small": 4, "Medium": 16, "Large": 64}
LEAST_CONCURRENCY: Mapping[WorkloadSize, int] = {"Small": 4, "Medium": 8, "Large": 16}
# What a replica answers at a time where no lower bound says it.
CONCURRENCY_STEP = 4


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A GGUF file that a worker process of this platform serves.

    Attributes:
        reference: ``demo`` (the shipped chat model), ``minilm`` (the default embedding model) or
            the absolute path of a GGUF file.
    """

    reference: str
    scale: Scale = Scale()


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A server program of this machine that speaks the OpenAI protocol; a worker runs it.

    Attributes:
        key: Its place in the settings, which have its command: a key of ``foundation``.
    """

    key: str
    scale: Scale = Scale()


@dataclass(frozen=True, slots=True)
class OpenAICompatible:
    """A server elsewhere that speaks the OpenAI protocol.

    Attributes:
        base_url: Everything before ``/chat/completions``, such as ``http://127.0.0.1:11434/v1``.
        model: The model's name there.
        api_key: Sent as a bearer token, or None.
    """

    base_url: str
    model: str
    api_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ExternalModel:
    """A model of a provider elsewhere, as an endpoint's configuration names it.

    Attributes:
        provider: As documented, such as ``openai``; a key of ``core.external_models.FORMS``.
        name: The model's name there.
        options: The provider's block without values of secrets; references stand as given.
        sealed: Ciphertexts of secrets given in plain text, by the dotted name of their field.
    """

    provider: str
    name: str
    options: Mapping[str, Any]
    sealed: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Workload:
    """How much a registered model shall serve at a time.

    Attributes:
        size: ``Small``, ``Medium`` or ``Large``; None when the concurrency says it.
        type: The kind of machine, as documented, such as ``CPU``.
        scale_to_zero: Whether its worker may end while nobody calls.
        min_concurrency: Requests that it is ready for at any time while it is not asleep; with None
            beside a ``max_concurrency``, all of those.
        max_concurrency: Requests that it answers at a time, at most; None when the size says it.
    """

    size: WorkloadSize | None = "Small"
    type: str = "CPU"
    scale_to_zero: bool = False
    min_concurrency: int | None = None
    max_concurrency: int | None = None

    @property
    def scale(self) -> Scale:
        """One worker for the lower bound, as many more as it takes for the upper one."""
        if self.max_concurrency is None:
            least, most = (each[self.size or "Small"] for each in (LEAST_CONCURRENCY, CONCURRENCY))
        else:
            most = self.max_concurrency
            least = most if self.min_concurrency is None else self.min_concurrency
        replicas = -(-most // (least or CONCURRENCY_STEP))
        return Scale(most, most_replicas=replicas, min_concurrency=self.min_concurrency)


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """An MLflow model of a registry, or a directory that holds one.

    Attributes:
        name: As the registry calls it, or the absolute path of the directory.
        version: In the registry; may be empty for a directory.
        environment: Variables of its worker; values may be references of secrets.
    """

    name: str
    version: str
    workload: Workload = Workload()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def scale(self) -> Scale:
        """How many workers it has."""
        return self.workload.scale

    @property
    def is_directory(self) -> bool:
        """Whether the name is the path of a directory."""
        return self.name.startswith("/")


# Backends that a worker of this platform serves.
WorkerBackend = LocalModel | LocalServer | RegisteredModel

Backend = WorkerBackend | OpenAICompatible | ExternalModel


@dataclass(frozen=True, slots=True)
class ServedEntity:
    """One model behind an endpoint, as its configuration wants it.

    Attributes:
        id: Stable identity, 32 hex digits.
        name: Unique within the endpoint.
        model_name: What answers here, for listings and the ``x-lakeserve-model`` header.
        model_description: One honest sentence about ``model_name``.
        start: When its workers run. ``eager``: always. ``on-demand``: from a call until they have
            been idle. ``until-idle``: from the deployment until they have been idle, then from the
            next call.
        traffic_percentage: Share of the endpoint's calls, 0-100; the shares sum to 100.
    """

    id: str
    name: str
    backend: Backend
    model_name: str
    model_description: str
    start: StartPolicy = "eager"
    traffic_percentage: int = 100


@dataclass(frozen=True, slots=True)
class ConfigUpdate:
    """A config that is to take the place of the serving one.

    Attributes:
        id: Tells one update of an endpoint from the next.
        started_at: Epoch milliseconds.
        failure: Why it did not come into force; None while it is being deployed.
    """

    id: str
    entities: tuple[ServedEntity, ...]
    started_at: int
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Notifications:
    """Mail addresses that want to hear of updates."""

    on_update_success: tuple[str, ...] = ()
    on_update_failure: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A serving endpoint as its owner wants it. Times are epoch milliseconds.

    Attributes:
        id: 32 hex digits; permissions hang on it.
        task: None for a custom model that has none, or whose task is not known yet.
        endpoint_type: ``FOUNDATION_MODEL_API``, ``EXTERNAL_MODEL`` or ``CUSTOM_MODEL``.
        tags: Values by key.
        update: The newest update of the config, unless it came into force.
        grants: Beside what the creator and administrators may do, by kind and name.
        ai_gateway: What the gateway does for it beside forwarding.
    """

    id: str
    name: str
    task: Task | None
    endpoint_type: EndpointType
    creator: str
    created_at: int
    updated_at: int
    entities: tuple[ServedEntity, ...]
    config_version: int = 1
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    notifications: Notifications | None = None
    update: ConfigUpdate | None = None
    grants: tuple[Grant, ...] = ()
    ai_gateway: AiGateway | None = None


@dataclass(frozen=True, slots=True)
class EntityState:
    """What was last seen of a served entity.

    Attributes:
        deployment: One of the documented deployment states.
        message: For people; names the cause and the remedy when ``deployment`` is a failure.
    """

    deployment: DeploymentState
    message: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """Where an upstream listens: a unix socket, or a host and a port.

    Attributes:
        uds: Path of a unix socket, or None for TCP.
        tls: Whether to speak TLS over TCP.
        base_path: Put before every request path, without a trailing slash.
        bearer: The token that a worker demands there, or None where it asks nobody.
    """

    uds: str | None = None
    host: str = "localhost"
    port: int = 80
    tls: bool = False
    base_path: str = ""
    bearer: str | None = field(default=None, repr=False)

    def plain(self) -> dict[str, Any]:
        """What it has, by name, as its constructor takes it.

        The rest is left out, because older gateways may not know it.
        """
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Observed:
    """What the platform that runs the workers has written down of a served entity.

    Attributes:
        addresses: Where its workers listen; empty while none does, and for those without workers.
    """

    state: EntityState
    addresses: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """A served entity as the gateway sees it: resolved, immutable, without state.

    Attributes:
        provider: Name of the translation in the provider table.
        address: Where to send, or None while a local worker has no address; the gateway then asks
            the activator.
        others: Where the call could go as well: the other replicas of the same worker.
        upstream_model: The model's name at the upstream.
        credential: What the upstream asks for, or None.
        signer: Authorizes each request anew, where there is no credential to be sent.
        options: What else the provider's translation needs to know; never a secret.
        failure: Why the entity cannot serve, when that is final; None otherwise.
    """

    entity_id: str
    entity_name: str
    provider: str
    upstream_model: str
    model_name: str
    weight: int
    address: Address | None = None
    credential: str | None = field(default=None, repr=False)
    failure: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    others: tuple[Address, ...] = ()
    signer: RequestSigner | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class RoutableEndpoint:
    """An endpoint as the gateway sees it.

    Attributes:
        callers: Those whose calls are answered.
        viewers: Those who may know that it exists; the callers are among them.
        ai_gateway: What to do beside forwarding, or None for nothing.
    """

    id: str
    name: str
    task: Task | None
    endpoint_type: str
    targets: tuple[Target, ...]
    callers: Grantees
    viewers: Grantees
    ai_gateway: AiGateway | None = None
