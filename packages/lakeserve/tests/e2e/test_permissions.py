"""Permissions on endpoints: databricks-sdk and openai, unmodified, with several tokens."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from harness import PlatformProcess
from lakeserve.cli.main import cli

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service.serving import ServingEndpointAccessControlRequest

Client = Callable[[str], "WorkspaceClient"]
NAME = "granted"
HELLO: list[Any] = [{"role": "user", "content": "What is MLflow?"}]


@pytest.fixture
def client(platform: PlatformProcess, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Makes a client of a token."""
    from databricks.sdk import WorkspaceClient

    for name in ("HOST", "TOKEN", "CONFIG_PROFILE"):
        monkeypatch.delenv(f"DATABRICKS_{name}", raising=False)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", "/dev/null")
    return lambda token: WorkspaceClient(host=platform.url, token=token)


@pytest.fixture
def admin(client: Client, platform: PlatformProcess) -> WorkspaceClient:
    return client(platform.token)


@pytest.fixture
def endpoint_id(admin: WorkspaceClient, platform: PlatformProcess) -> Iterator[str]:
    """Id of an endpoint of the administrator's, whose model is one of the platform's own."""
    from databricks.sdk.service.serving import EndpointCoreConfigInput, ServedEntityInput

    model = {
        "name": "databricks-dbrx-instruct",
        "provider": "openai",
        "task": "llm/v1/chat",
        "openai_config": {
            "openai_api_key_plaintext": platform.token,
            "openai_api_base": f"{platform.url}/serving-endpoints",
        },
    }
    entity = ServedEntityInput.from_dict({"name": "e", "external_model": model})
    config = EndpointCoreConfigInput(name=NAME, served_entities=[entity])
    made = admin.serving_endpoints.create_and_wait(name=NAME, config=config)
    assert made.id is not None
    yield made.id
    admin.serving_endpoints.delete(NAME)


@pytest.fixture
def robot(admin: WorkspaceClient) -> Iterator[tuple[str, str, str]]:
    """Id, application id and token of a service principal that may do nothing yet."""
    made = admin.service_principals.create(display_name="Granted robot")
    assert made.id is not None
    assert made.application_id is not None
    token = admin.token_management.create_obo_token(made.application_id, lifetime_seconds=600)
    assert token.token_value is not None
    yield made.id, made.application_id, token.token_value
    admin.service_principals.delete(made.id)


def grant(level: str, **principal: str) -> list[ServingEndpointAccessControlRequest]:
    from databricks.sdk.service.serving import ServingEndpointAccessControlRequest

    return [ServingEndpointAccessControlRequest.from_dict({"permission_level": level, **principal})]


def status(platform: PlatformProcess, token: str) -> int:
    """Status of a call of the endpoint with a token."""
    path = f"/serving-endpoints/{NAME}/invocations"
    body = {"messages": HELLO, "max_tokens": 4}
    return platform.request("POST", path, body, {"Authorization": f"Bearer {token}"}).status


def test_grants_to_a_principal(
    admin: WorkspaceClient,
    client: Client,
    platform: PlatformProcess,
    endpoint_id: str,
    robot: tuple[str, str, str],
) -> None:
    from databricks.sdk.errors import NotFound, PermissionDenied

    _, application_id, token = robot
    other, api = client(token).serving_endpoints, admin.serving_endpoints
    for call in (other.get, other.delete):
        with pytest.raises(NotFound, match=f"'{NAME}' does not exist"):
            call(NAME)
    with pytest.raises(NotFound, match=f"'{endpoint_id}' does not exist"):
        other.get_permissions(endpoint_id)
    with pytest.raises(NotFound, match="The given endpoint does not exist"):
        other.query(NAME, prompt="hello")
    assert NAME not in [each.name for each in other.list()]

    viewer = grant("CAN_VIEW", service_principal_name=application_id)
    api.set_permissions(endpoint_id, access_control_list=viewer)
    assert NAME in [each.name for each in other.list()]
    level = other.get(NAME).permission_level
    assert level is not None
    assert level.value == "CAN_VIEW"
    with pytest.raises(PermissionDenied, match="does not have CAN_QUERY"):
        other.query(NAME, prompt="hello")
    caller = grant("CAN_QUERY", service_principal_name=application_id)
    api.update_permissions(endpoint_id, access_control_list=caller)
    assert status(platform, token) == 200
    for refused in (other.delete, other.patch):
        with pytest.raises(PermissionDenied, match="does not have CAN_MANAGE"):
            refused(NAME)
    api.set_permissions(endpoint_id, access_control_list=[])
    assert status(platform, token) == 404


def test_what_is_shown(
    admin: WorkspaceClient, endpoint_id: str, robot: tuple[str, str, str]
) -> None:
    from databricks.sdk.errors import InvalidParameterValue, NotFound

    api = admin.serving_endpoints
    given = grant("CAN_QUERY", service_principal_name=robot[1])
    for permissions in (
        api.set_permissions(endpoint_id, access_control_list=given),
        api.get_permissions(endpoint_id),
        admin.permissions.get("serving-endpoints", endpoint_id),
    ):
        assert permissions.object_id == f"/serving-endpoints/{endpoint_id}"
        assert permissions.object_type == "serving-endpoint"
        owner, granted, admins = permissions.access_control_list or []
        assert owner.user_name == "admin@lakeserve.local"
        assert (granted.service_principal_name, granted.display_name) == (robot[1], "Granted robot")
        assert admins.group_name == "admins"
        (inherited,) = admins.all_permissions or []
        assert inherited.inherited
        assert inherited.inherited_from_object == ["/serving-endpoints/"]
    levels = api.get_permission_levels(endpoint_id).permission_levels or []
    assert [each.permission_level.value for each in levels if each.permission_level] == [
        "CAN_VIEW",
        "CAN_QUERY",
        "CAN_MANAGE",
    ]
    nobody = grant("CAN_QUERY", user_name="nobody")
    with pytest.raises(InvalidParameterValue, match="names 'nobody': there is no user"):
        api.update_permissions(endpoint_id, access_control_list=nobody)
    with pytest.raises(NotFound):
        api.get_permissions("0" * 32)


def test_grants_to_groups(
    admin: WorkspaceClient,
    platform: PlatformProcess,
    endpoint_id: str,
    robot: tuple[str, str, str],
) -> None:
    from databricks.sdk.service.iam import ComplexValue, Patch, PatchOp

    robot_id, _, token = robot
    api = admin.serving_endpoints
    group = admin.groups.create(display_name="callers")
    assert group.id is not None

    def change(operation: PatchOp, path: str, value: Any = None) -> None:
        patch = Patch(op=operation, path=path, value=value)
        admin.groups.patch(str(group.id), operations=[patch])

    callers = grant("CAN_QUERY", group_name="callers")
    api.set_permissions(endpoint_id, access_control_list=callers)
    assert status(platform, token) == 404
    change(PatchOp.ADD, "members", [ComplexValue(value=robot_id).as_dict()])
    assert status(platform, token) == 200
    change(PatchOp.REPLACE, "displayName", "renamed")
    assert status(platform, token) == 200
    change(PatchOp.REMOVE, f'members[value eq "{robot_id}"]')
    assert status(platform, token) == 404
    change(PatchOp.ADD, "members", [ComplexValue(value=robot_id).as_dict()])
    admin.groups.delete(group.id)
    assert status(platform, token) == 404
    # Another group of that name begins with nothing.
    again = admin.groups.create(display_name="renamed", members=[ComplexValue(value=robot_id)])
    assert status(platform, token) == 404
    admin.groups.delete(str(again.id))
    everyone = grant("CAN_QUERY", group_name="users")
    api.set_permissions(endpoint_id, access_control_list=everyone)
    assert status(platform, token) == 200


def test_what_openai_raises(
    admin: WorkspaceClient,
    platform: PlatformProcess,
    endpoint_id: str,
    robot: tuple[str, str, str],
) -> None:
    from openai import NotFoundError, OpenAI, PermissionDeniedError

    caller = OpenAI(base_url=f"{platform.url}/serving-endpoints", api_key=robot[2])
    with pytest.raises(NotFoundError, match="The given endpoint does not exist"):
        caller.chat.completions.create(model=NAME, messages=HELLO)
    viewer = grant("CAN_VIEW", service_principal_name=robot[1])
    admin.serving_endpoints.set_permissions(endpoint_id, access_control_list=viewer)
    with pytest.raises(PermissionDeniedError, match="does not have CAN_QUERY"):
        caller.chat.completions.create(model=NAME, messages=HELLO)
    # Built-in endpoints are everyone's.
    built_in = "databricks-dbrx-instruct"
    answer = caller.chat.completions.create(model=built_in, messages=HELLO, max_tokens=4)
    assert answer.choices


def test_the_command_line(
    platform: PlatformProcess,
    endpoint_id: str,
    robot: tuple[str, str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run(*arguments: str) -> str:
        result = CliRunner().invoke(cli, ["permissions", *arguments])
        assert result.exit_code == 0, result.output or result.exception
        return result.output

    for name, value in platform.environment.items():
        monkeypatch.setenv(name, value)
    _, application_id, token = robot
    somebody = ("--service-principal", application_id)
    told = run("grant", NAME, "CAN_QUERY", *somebody)
    assert told == f"granted CAN_QUERY on {NAME} to {application_id}\n"
    run("grant", NAME, "CAN_VIEW", "--group", "users")
    assert status(platform, token) == 200
    shown = run("list", NAME)
    assert application_id in shown
    assert "admins" in shown
    assert len(json.loads(run("list", NAME, "--json"))) == 4
    assert run("revoke", NAME, *somebody) == f"{application_id} has no grant on {NAME}\n"
    # Everyone may still view it.
    assert status(platform, token) == 403
    run("revoke", NAME, "--group", "users")
    assert status(platform, token) == 404
