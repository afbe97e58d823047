"""Providers of third parties, installed for real."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import orjson
import pytest
from acme_distribution import installed
from lakeserve.core.external_models import FORMS as OWN_FORMS
from lakeserve.providers.plugins import FORMS, GROUP, PLUGINS, found

PROGRAM = """
import logging, orjson, sys
logging.basicConfig(stream=sys.stderr)
from lakeserve.control.endpoints.external_models import draft
from lakeserve.control.endpoints.requests import ExternalModelInput
from lakeserve.core.errors import InvalidParameter
from lakeserve.providers.table import PROVIDERS
from lakeserve.reconcile.places import place

def made(**fields):
    given = {"name": "m", "provider": "acme", "task": "llm/v1/chat", **fields}
    return draft(ExternalModelInput.model_validate(given), "e")

block = {"acme_url": "http://h:1/x", "acme_api_key_plaintext": "k", "acme_team": "a"}
model = made(acme_config=block)
address, options = place(model.model)
refused = []
for fields in ({}, {"acme_config": {**block, "other": 1}}, {"acme_config": block, "x_config": {}}):
    try:
        made(**fields)
    except InvalidParameter as error:
        refused.append(str(error))
found = {"host": address.host, "options": options, "plaintexts": dict(model.plaintexts)}
print(orjson.dumps({**found, "names": list(PROVIDERS), "refused": refused}).decode())
"""


def test_an_installed_distribution(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"PYTHONPATH": str(installed(tmp_path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    value: dict[str, Any] = orjson.loads(result.stdout)
    assert value["host"] == "h"
    assert value["options"] == {"team": "a"}
    assert value["plaintexts"] == {"acme_api_key": "k"}
    assert "acme" in value["names"]
    assert "broken" not in value["names"]
    assert "'e.acme_config' is required" in value["refused"][0]
    assert "Unknown field 'e.acme_config.other'" in value["refused"][1]
    assert value["refused"][2] == "Unknown field 'e.x_config'."
    assert "provider 'broken' of lakeserve_acme:NOTHING cannot be loaded" in result.stderr
    assert "provider 'openai' of lakeserve_acme:PLUGIN: the name is taken" in result.stderr


def test_without_any(caplog: pytest.LogCaptureFixture) -> None:
    assert PLUGINS == {}
    assert FORMS == OWN_FORMS
    wrong = metadata.EntryPoint("x", "lakeserve.providers.plugins:GROUP", GROUP)
    assert found([wrong]) == {}
    assert "provider 'x': lakeserve.providers.plugins:GROUP is no ProviderPlugin" in caplog.text
