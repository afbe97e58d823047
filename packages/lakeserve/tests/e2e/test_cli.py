"""The commands that speak to a running platform."""

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result
from harness import PlatformProcess, wait_until
from lakeserve.cli.connection import ServerError
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
        run("secrets", "delete-secret", "cli", "piped")
        assert "cli" in run("secrets", "list-scopes").output
        failed = CliRunner().invoke(cli, ["secrets", "get-secret", "cli", "piped"])
        assert isinstance(failed.exception, ServerError)
        assert str(failed.exception) == "Secret does not exist with scope: cli and key: piped"
    finally:
        run("secrets", "delete-scope", "cli", "--json")


def test_tokens(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    made = json.loads(run("tokens", "create", "--comment", "cli", "--json").output)
    token_id = made["token_info"]["token_id"]
    assert token_id in run("tokens", "list").output
    assert made["token_value"] not in run("tokens", "list", "--json").output
    assert token_id in run("tokens", "delete", token_id).output
    monkeypatch.setenv("DATABRICKS_TOKEN", made["token_value"])
    refused = CliRunner().invoke(cli, ["tokens", "list"])
    assert isinstance(refused.exception, ServerError)
    assert str(refused.exception) == "Invalid access token."


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
