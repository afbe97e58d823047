from dataclasses import replace

from lakeserve.core.endpoints import (
    Address,
    Endpoint,
    EntityState,
    LocalModel,
    OpenAICompatible,
    ServedEntity,
)
from lakeserve.core.grants import EVERYONE, Grant, Grantees
from lakeserve.foundation_settings import Upstream
from lakeserve.providers.table import PROVIDERS
from lakeserve.reconcile.routing import (
    LOCAL_PROVIDER,
    OPENAI_PROVIDER,
    Seen,
    routable,
    upstream_credential,
)
from lakeserve.settings import Settings

SECOND = Address(uds="/run/second.sock")
LOCAL = ServedEntity("1", "local", LocalModel("demo"), "demo", "D.", traffic_percentage=40)
REMOTE = ServedEntity(
    "2", "remote", OpenAICompatible("http://h:1/v1", "up"), "m", "M.", traffic_percentage=60
)
ENDPOINT = Endpoint(
    "e", "databricks-x", "llm/v1/chat", "FOUNDATION_MODEL_API", "c", 1, 1, (LOCAL, REMOTE)
)
SOCKET = Address(uds="/s")


def test_the_providers_exist() -> None:
    assert {LOCAL_PROVIDER, OPENAI_PROVIDER} <= set(PROVIDERS)


def test_entities_become_targets() -> None:
    seen = {"1": Seen(EntityState("DEPLOYMENT_READY"), (SOCKET, SECOND))}
    local, remote = routable(ENDPOINT, seen, "key").targets
    assert (local.provider, local.address, local.weight, local.credential) == (
        LOCAL_PROVIDER,
        SOCKET,
        40,
        None,
    )
    assert local.others == (SECOND,)
    assert (remote.provider, remote.upstream_model, remote.weight, remote.credential) == (
        OPENAI_PROVIDER,
        "up",
        60,
        "key",
    )
    assert remote.address == Address(host="h", port=1, base_path="/v1")


def test_only_a_failed_entity_has_a_failure() -> None:
    for deployment, failure in (("DEPLOYMENT_FAILED", "why"), ("DEPLOYMENT_RECOVERING", None)):
        seen = {"1": Seen(EntityState(deployment, "why"))}  # type: ignore[arg-type]
        assert routable(ENDPOINT, seen, None).targets[0].failure == failure


def test_credentials_come_from_the_settings() -> None:
    upstream = Upstream.model_validate({"url": "http://h", "api_key": "key"})
    assert upstream_credential(ENDPOINT, Settings(foundation={"databricks-x": upstream})) == "key"
    without = Settings(foundation={"databricks-x": Upstream(url="http://h")})
    assert upstream_credential(ENDPOINT, without) is None
    assert upstream_credential(ENDPOINT, Settings()) is None
    assert upstream_credential(ENDPOINT, Settings(foundation={"databricks-x": "demo"})) is None


def test_who_may_call_comes_from_the_grants() -> None:
    seen = {"1": Seen(EntityState("DEPLOYMENT_READY"), (SOCKET,))}
    built_in = routable(ENDPOINT, seen, None)
    assert (built_in.callers, built_in.viewers) == (EVERYONE, EVERYONE)
    grants = (Grant("group", "team", "CAN_QUERY"), Grant("user", "anna", "CAN_VIEW"))
    own = routable(replace(ENDPOINT, endpoint_type="EXTERNAL_MODEL", grants=grants), seen, None)
    groups = frozenset({"admins", "team"})
    assert own.callers == Grantees(frozenset({"c"}), groups)
    assert own.viewers == Grantees(frozenset({"c", "anna"}), groups)
