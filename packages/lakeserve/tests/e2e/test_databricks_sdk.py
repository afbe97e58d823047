"""databricks-sdk, unmodified, against a running platform: secrets, tokens, identities, logins."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from harness import PlatformProcess

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

Client = Callable[..., "WorkspaceClient"]


@pytest.fixture
def client(platform: PlatformProcess, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Makes clients; without arguments that of the administrator."""
    from databricks.sdk import WorkspaceClient

    for name in ("HOST", "TOKEN", "CONFIG_PROFILE"):
        monkeypatch.delenv(f"DATABRICKS_{name}", raising=False)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", "/dev/null")

    def make(
        token: str | None = None, client_id: str | None = None, client_secret: str | None = None
    ) -> WorkspaceClient:
        return WorkspaceClient(
            host=platform.url,
            token=token if token or client_id else platform.token,
            client_id=client_id,
            client_secret=client_secret,
        )

    return make


@pytest.fixture
def admin(client: Client) -> WorkspaceClient:
    return client()


@pytest.fixture
def scope(admin: WorkspaceClient) -> Iterator[str]:
    admin.secrets.create_scope("e2e/scope")
    yield "e2e/scope"
    admin.secrets.delete_scope("e2e/scope")


def test_secrets(admin: WorkspaceClient, scope: str) -> None:
    from databricks.sdk.errors import (
        InvalidParameterValue,
        ResourceAlreadyExists,
        ResourceDoesNotExist,
    )
    from databricks.sdk.service.workspace import AclPermission

    admin.secrets.put_secret(scope, "text", string_value="väl\nue")
    admin.secrets.put_secret(scope, "bytes", bytes_value="AP8=")
    assert admin.dbutils.secrets.get(scope, "text") == "väl\nue"
    assert admin.dbutils.secrets.getBytes(scope, "bytes") == b"\x00\xff"
    assert [each.key for each in admin.secrets.list_secrets(scope)] == ["bytes", "text"]
    assert scope in [each.name for each in admin.secrets.list_scopes()]
    admin.secrets.delete_secret(scope, "bytes")
    with pytest.raises(ResourceDoesNotExist, match="Secret does not exist with scope"):
        admin.secrets.get_secret(scope, "bytes")
    with pytest.raises(ResourceAlreadyExists, match="already exists"):
        admin.secrets.create_scope(scope)
    with pytest.raises(InvalidParameterValue, match="'a b'"):
        admin.secrets.put_secret(scope, "a b", string_value="x")

    admin.secrets.put_acl(scope, "users", AclPermission.READ)
    assert admin.secrets.get_acl(scope, "users").permission is AclPermission.READ
    assert len(list(admin.secrets.list_acls(scope))) == 2
    admin.secrets.delete_acl(scope, "users")


def test_tokens(admin: WorkspaceClient, client: Client) -> None:
    from databricks.sdk.errors import PermissionDenied, ResourceDoesNotExist

    made = admin.tokens.create(comment="e2e", lifetime_seconds=60)
    assert made.token_info is not None
    token_id, token = made.token_info.token_id, made.token_value
    assert token_id is not None
    assert token is not None
    assert client(token=token).current_user.me().user_name == "admin@lakeserve.local"
    assert token_id in [each.token_id for each in admin.tokens.list()]
    assert token_id in [each.token_id for each in admin.token_management.list()]
    admin.tokens.delete(token_id)
    with pytest.raises(PermissionDenied, match="Invalid access token"):
        client(token=token).current_user.me()
    with pytest.raises(ResourceDoesNotExist):
        admin.tokens.delete(token_id)


def test_a_token_expires(admin: WorkspaceClient, client: Client, platform: PlatformProcess) -> None:
    from databricks.sdk.errors import PermissionDenied

    made = admin.tokens.create(lifetime_seconds=1)
    assert made.token_info is not None
    assert made.token_info.token_id is not None
    as_token = {"Authorization": f"Bearer {made.token_value}"}
    chat = "/serving-endpoints/nobody/invocations"
    assert platform.request("POST", chat, {}, as_token).status == 404
    time.sleep(1.2)
    assert platform.request("POST", chat, {}, as_token).status == 403
    with pytest.raises(PermissionDenied, match="expired"):
        client(token=made.token_value or "").current_user.me()
    admin.tokens.delete(made.token_info.token_id)


def test_users_and_groups(admin: WorkspaceClient) -> None:
    from databricks.sdk.errors import NotFound, ResourceConflict
    from databricks.sdk.service.iam import ComplexValue, Patch, PatchOp

    anna = admin.users.create(user_name="anna@example.com", display_name="Anna")
    assert anna.id is not None
    with pytest.raises(ResourceConflict):
        admin.users.create(user_name="anna@example.com")
    found = list(admin.users.list(filter='userName eq "anna@example.com"'))
    assert [user.id for user in found] == [anna.id]
    group = admin.groups.create(display_name="e2e", members=[ComplexValue(value=anna.id)])
    assert group.id is not None
    groups = admin.users.get(anna.id).groups or []
    assert [each.display for each in groups] == ["users", "e2e"]
    path = f'members[value eq "{anna.id}"]'
    admin.groups.patch(group.id, operations=[Patch(op=PatchOp.REMOVE, path=path)])
    assert not admin.groups.get(group.id).members
    admin.users.patch(anna.id, operations=[Patch(op=PatchOp.REPLACE, path="active", value="false")])
    assert admin.users.get(anna.id).active is False
    assert {each.display_name for each in admin.groups.list()} >= {"users", "admins", "e2e"}
    admin.groups.delete(group.id)
    admin.users.delete(anna.id)
    with pytest.raises(NotFound):
        admin.users.get(anna.id)


def test_a_service_principal(
    admin: WorkspaceClient, client: Client, scope: str, platform: PlatformProcess
) -> None:
    from databricks.sdk.errors import PermissionDenied
    from databricks.sdk.service.workspace import AclPermission

    robot = admin.service_principals.create(display_name="Robot")
    assert robot.id is not None
    assert robot.application_id is not None
    secret = admin.service_principal_secrets_proxy.create(robot.id, lifetime="3600s")
    assert secret.secret is not None
    as_robot = client(client_id=robot.application_id, client_secret=secret.secret)
    me = as_robot.current_user.me()
    assert me.user_name == robot.application_id
    with pytest.raises(PermissionDenied, match="does not have READ"):
        as_robot.dbutils.secrets.get(scope, "text")
    with pytest.raises(PermissionDenied, match="administrator"):
        as_robot.users.create(user_name="b@example.com")
    admin.secrets.put_secret(scope, "text", string_value="value")
    admin.secrets.put_acl(scope, robot.application_id, AclPermission.READ)
    assert as_robot.dbutils.secrets.get(scope, "text") == "value"
    signed = as_robot.config.authenticate()
    reply = platform.request("POST", "/serving-endpoints/nobody/invocations", {}, signed)
    assert reply.status == 404, reply.body

    other = admin.service_principal_secrets_proxy.create(robot.id)
    assert other.id is not None
    bought = client(client_id=robot.application_id, client_secret=other.secret)
    assert bought.current_user.me().id == robot.id
    admin.service_principal_secrets_proxy.delete(robot.id, other.id)
    with pytest.raises(PermissionDenied, match="Invalid access token"):
        bought.current_user.me()

    made = admin.token_management.create_obo_token(robot.application_id, lifetime_seconds=60)
    assert client(token=made.token_value or "").current_user.me().id == robot.id
    assert [each.id for each in admin.service_principal_secrets_proxy.list(robot.id)] == [secret.id]
    admin.service_principals.delete(robot.id)
    reply = platform.request("POST", "/serving-endpoints/nobody/invocations", {}, signed)
    assert reply.status == 403


def test_a_wrong_client_secret(client: Client) -> None:
    with pytest.raises(Exception, match="invalid_client"):
        client(client_id="nobody", client_secret="wrong").current_user.me()
