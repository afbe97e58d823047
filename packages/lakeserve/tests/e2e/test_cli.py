"""The commands that speak to a running platform."""

import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result
from harness import PlatformProcess, wait_until
from lakeserve.cli.exits import ServerError, Unreached
from lakeserve.cli.main import cli

Run = Callable[..., Result]


@pytest.fixture
def run(platform: PlatformProcess, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command against the shared platform and wants it to succeed."""
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", "/dev/null")
    for name, value in platform.environment.items():
        monkeypatch.setenv(name, value)

    def call(*arguments: str, given: str | bytes | None = None) -> Result:
        result = CliRunner().invoke(cli, arguments, input=given)
        assert result.exit_code == 0, result.output or result.exception
        return result

    return call


def test_secrets(run: Run) -> None:
    run("secrets", "create-scope", "cli")
    try:
        run("secrets", "put-secret", "cli", "text", "--string-value", "from the option")
        assert run("secrets", "get-secret", "cli", "text").output == "from the option"
        run("secrets", "put-secret", "cli", "piped", given=b"\x00\xff\n")
        assert run("secrets", "get-secret", "cli", "piped").stdout_bytes == b"\x00\xff\n"
        assert "piped" in run("secrets", "list-secrets", "cli").output
        listed = json.loads(run("secrets", "list-secrets", "cli", "--json").output)
        assert [each["key"] for each in listed] == ["piped", "text"]
        run("secrets", "delete-secret", "cli", "piped", "--yes")
        assert "cli" in run("secrets", "list-scopes").output
        failed = CliRunner().invoke(cli, ["secrets", "get-secret", "cli", "piped"])
        assert isinstance(failed.exception, ServerError)
        assert str(failed.exception) == "Secret does not exist with scope: cli and key: piped"
    finally:
        run("secrets", "delete-scope", "cli", "--json", "--yes")


def test_tokens(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    made = json.loads(run("tokens", "create", "--comment", "cli", "--json").output)
    token_id = made["token_info"]["token_id"]
    assert token_id in run("tokens", "list").output
    assert made["token_value"] not in run("tokens", "list", "--json").output
    assert token_id in run("tokens", "delete", token_id, "--yes").output
    monkeypatch.setenv("DATABRICKS_TOKEN", made["token_value"])
    refused = CliRunner().invoke(cli, ["tokens", "list"])
    assert isinstance(refused.exception, Unreached)
    assert str(refused.exception).startswith("Invalid access token. Give a token")


def test_users_groups_and_service_principals(run: Run, platform: PlatformProcess) -> None:
    anna = "anna.cli@example.com"
    made = json.loads(run("users", "create", anna, "--display-name", "Anna", "--json").output)
    robot = run("service-principals", "create", "Robot of the CLI").output.strip()
    run("groups", "create", "cli-team")
    try:
        assert anna in run("users", "list").output
        for named in (anna, made["id"]):
            assert json.loads(run("users", "get", named, "--json").output)["userName"] == anna
        for member in (anna, robot):
            run("groups", "add-member", "cli-team", member)
        assert "cli-team" in run("users", "get", anna).output
        assert len(run("groups", "get", "cli-team").output.splitlines()) == 3
        run("groups", "remove-member", "cli-team", robot)
        assert "cli-team" not in run("service-principals", "list").output
        run("users", "set-active", anna, "false")
        assert json.loads(run("users", "get", anna, "--json").output)["active"] is False

        secret = run("service-principals", "create-secret", robot).output.strip()
        form = f"grant_type=client_credentials&client_id={robot}&client_secret={secret}"
        assert platform.request("POST", "/oidc/v1/token", form.encode()).status == 200
        listed = json.loads(run("service-principals", "list-secrets", robot, "--json").output)
        run("service-principals", "delete-secret", robot, listed[0]["id"], "--yes")
        assert platform.request("POST", "/oidc/v1/token", form.encode()).status == 401

        token = run("tokens", "create", "--on-behalf-of", robot, "--json").output
        token_id = json.loads(token)["token_info"]["token_id"]
        assert token_id in run("tokens", "list", "--all").output
        run("tokens", "delete", token_id, "--of-anyone", "--yes")
        run("secrets", "create-scope", "cli-acls")
        run("secrets", "put-acl", "cli-acls", robot, "READ")
        assert f"{robot}\tREAD" in run("secrets", "list-acls", "cli-acls").output
        run("secrets", "delete-acl", "cli-acls", robot)
        assert robot not in run("secrets", "list-acls", "cli-acls").output
        run("secrets", "delete-scope", "cli-acls", "--yes")
    finally:
        run("groups", "delete", "cli-team", "--yes")
        run("users", "delete", anna, "--yes")
        run("service-principals", "delete", robot, "--yes")
    gone = CliRunner().invoke(cli, ["users", "get", anna])
    assert isinstance(gone.exception, ServerError)
    assert anna in str(gone.exception)


def status(*arguments: str, **environment: str) -> tuple[int, str]:
    """Exit status and error output of the command as people run it."""
    done = subprocess.run(
        [sys.executable, "-m", "lakeserve.cli", *arguments],
        env={**os.environ, "DATABRICKS_CONFIG_FILE": "/dev/null", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def test_exit_statuses(platform: PlatformProcess) -> None:
    here = platform.environment
    assert status("tokens", "list", **here) == (0, "")
    code, text = status("endpoints", "get", "none", **here)
    assert (code, text) == (1, "lakeserve: Endpoint with name 'none' does not exist.\n")
    assert status("endpoints", "get", **here)[0] == 2
    code, text = status("endpoints", "delete", "none", **here)
    assert code == 2
    assert "--yes" in text
    code, text = status("tokens", "list", **{**here, "DATABRICKS_TOKEN": "wrong"})
    assert (code, "DATABRICKS_TOKEN" in text) == (3, True)
    nobody = {"DATABRICKS_HOST": "http://127.0.0.1:1", "DATABRICKS_TOKEN": "x"}
    code, text = status("tokens", "list", **nobody)
    assert code == 3
    assert "127.0.0.1:1 does not answer" in text
    assert "lakeserve up" in text


def test_usage(run: Run, platform: PlatformProcess) -> None:
    reply = platform.ask("databricks-dbrx-instruct", "What is MLflow?")
    assert reply.status == 200

    def rows() -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(
            run("usage", "--by", "endpoint", "--since", "1d", "--json").output
        )
        return [each for each in found if each["endpoint"] == "databricks-dbrx-instruct"]

    assert wait_until(lambda: bool(rows()))
    row = rows()[0]
    assert (row["currency"], row["cost"]) == ("USD", 0.0)
    assert "databricks-dbrx-instruct" in run("usage").output
    assert "admin@lakeserve.local" in run("usage", "--by", "user").output
