"""Clusters: databricks-sdk, unmodified, the command line, and calls through the driver proxy."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from e2e.driver_app import driver_app
from harness import PlatformProcess
from lakeserve.cli.main import cli

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

Run = Callable[..., str]
NAME = "0000-000000-registered"


@pytest.fixture
def admin(platform: PlatformProcess, monkeypatch: pytest.MonkeyPatch) -> WorkspaceClient:
    from databricks.sdk import WorkspaceClient

    for name in ("HOST", "TOKEN", "CONFIG_PROFILE"):
        monkeypatch.delenv(f"DATABRICKS_{name}", raising=False)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", "/dev/null")
    return WorkspaceClient(host=platform.url, token=platform.token)


@pytest.fixture
def run(platform: PlatformProcess, monkeypatch: pytest.MonkeyPatch, admin: object) -> Run:
    """Runs a command against the shared platform and wants it to succeed."""

    def call(*arguments: str) -> str:
        with monkeypatch.context() as patch:
            for name, value in platform.environment.items():
                patch.setenv(name, value)
            result = CliRunner().invoke(cli, arguments)
        assert result.exit_code == 0, result.output or result.exception
        return result.output

    return call


@pytest.fixture
def robot(admin: WorkspaceClient) -> Iterator[tuple[str, str]]:
    """Application id and token of a service principal that may do nothing yet."""
    made = admin.service_principals.create(display_name="Attached robot")
    assert made.id is not None
    assert made.application_id is not None
    token = admin.token_management.create_obo_token(made.application_id, lifetime_seconds=600)
    assert token.token_value is not None
    yield made.application_id, token.token_value
    admin.service_principals.delete(made.id)


def test_a_registered_driver_host(
    platform: PlatformProcess, admin: WorkspaceClient, run: Run, robot: tuple[str, str]
) -> None:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.errors import NotFound, ResourceDoesNotExist
    from databricks.sdk.service.compute import (
        ClusterAccessControlRequest,
        ClusterPermissionLevel,
        State,
    )

    application_id, token = robot
    other = WorkspaceClient(host=platform.url, token=token)
    registered = run("clusters", "add", NAME, "--host", "127.0.0.1", "--name", "My box")
    assert registered == f"registered cluster {NAME} at 127.0.0.1\n"
    assert NAME in [each.cluster_id for each in admin.clusters.list()]
    found = admin.clusters.get(NAME)
    assert (found.cluster_name, found.state) == ("My box", State.RUNNING)
    admin.clusters.ensure_cluster_is_running(NAME)
    assert NAME not in [each.cluster_id for each in other.clusters.list(page_size=1)]
    with pytest.raises(ResourceDoesNotExist, match="does not exist"):
        other.clusters.get(NAME)
    with pytest.raises(NotFound):
        other.clusters.get_permissions(NAME)

    with driver_app() as port:

        def status() -> int:
            path = f"/driver-proxy-api/o/0/{NAME}/{port}"
            mine = {"Authorization": f"Bearer {token}"}
            return platform.request("POST", path, {"prompt": "hello"}, mine).status

        assert status() == 404
        grant = ClusterAccessControlRequest(
            service_principal_name=application_id,
            permission_level=ClusterPermissionLevel.CAN_ATTACH_TO,
        )
        admin.clusters.update_permissions(NAME, access_control_list=[grant])
        assert status() == 200
        assert other.clusters.get(NAME).cluster_name == "My box"
        shown = run("permissions", "list", NAME, "--type", "cluster")
        assert application_id in shown
        assert "CAN_ATTACH_TO" in shown
        somebody = ("--type", "cluster", "--service-principal", application_id)
        run("permissions", "revoke", NAME, *somebody)
        assert status() == 404
        run("permissions", "grant", NAME, "CAN_RESTART", *somebody)
        assert status() == 200
        assert NAME in run("clusters", "list")
        assert json.loads(run("clusters", "get", NAME))["lakeserve"]["host"] == "127.0.0.1"
        run("clusters", "remove", NAME, "--yes")
        assert status() == 404
    levels = admin.clusters.get_permission_levels(run_cluster(admin)).permission_levels or []
    assert len(levels) == 3


def run_cluster(admin: WorkspaceClient) -> str:
    """Id of the cluster that the settings of the shared platform name."""
    (found,) = [each.cluster_id for each in admin.clusters.list() if each.cluster_id != NAME]
    return str(found)
