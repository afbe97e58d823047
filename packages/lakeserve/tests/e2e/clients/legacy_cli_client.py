"""The legacy databricks-cli 0.18, unmodified, with the platform as its http proxy.

It drops the port of its host, so it can only be led here by a proxy, whose requests carry whole
addresses instead of paths.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from watching import Calls

PROGRAM = Path(sys.executable).parent / "databricks"
HOST, TOKEN = os.environ["DATABRICKS_HOST"], os.environ["DATABRICKS_TOKEN"]
SCOPE = "legacy"
calls = Calls()


def run(*arguments, token=TOKEN, fails=False):
    calls.made.add(" ".join(arguments[:2]))
    environment = os.environ | {
        "http_proxy": HOST,
        "DATABRICKS_HOST": "http://lakeserve.test",
        "DATABRICKS_TOKEN": token,
        "DATABRICKS_CONFIG_FILE": "/dev/null",
    }
    environment.pop("no_proxy", None)
    environment.pop("NO_PROXY", None)
    done = subprocess.run(
        [PROGRAM, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode != 0) == fails, (arguments, done.stdout, done.stderr)
    return done.stdout + done.stderr


run("secrets", "create-scope", "--scope", SCOPE, "--initial-manage-principal", "users")
try:
    assert SCOPE in run("secrets", "list-scopes")
    run("secrets", "put", "--scope", SCOPE, "--key", "a", "--string-value", "value")
    run("secrets", "write", "--scope", SCOPE, "--key", "b", "--string-value", "value")
    listed = run("secrets", "list", "--scope", SCOPE)
    assert "a" in listed.split(), listed
    run("secrets", "put-acl", "--scope", SCOPE, "--principal", "admins", "--permission", "READ")
    assert "READ" in run("secrets", "list-acls", "--scope", SCOPE)
    got = run("secrets", "get-acl", "--scope", SCOPE, "--principal", "admins")
    assert "READ" in got, got
    run("secrets", "delete-acl", "--scope", SCOPE, "--principal", "admins")
    run("secrets", "delete", "--scope", SCOPE, "--key", "a")
    twice = run("secrets", "create-scope", "--scope", SCOPE, fails=True)
    assert "RESOURCE_ALREADY_EXISTS" in twice, twice
finally:
    run("secrets", "delete-scope", "--scope", SCOPE)
gone = run("secrets", "list", "--scope", SCOPE, fails=True)
assert "RESOURCE_DOES_NOT_EXIST" in gone, gone

made = json.loads(run("tokens", "create", "--comment", "legacy", "--lifetime-seconds", "600"))
token_id = made["token_info"]["token_id"]
assert token_id in run("tokens", "list")
assert "clusters" in run("clusters", "list", "--output", "JSON", token=made["token_value"])
assert os.environ["CLUSTER_ID"] in run("clusters", "list")
run("tokens", "revoke", "--token-id", token_id)
assert token_id not in run("tokens", "list")

refused = run("secrets", "list-scopes", token=made["token_value"], fails=True)
assert "Authorization failed" in refused, refused
calls.passed()
