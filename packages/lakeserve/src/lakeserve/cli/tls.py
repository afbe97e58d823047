"""``lakeserve tls``: how clients come to trust the certificate of the https listener."""

import json
import shlex
from pathlib import Path

import click

from lakeserve.cli.options import config_option
from lakeserve.core.errors import ConfigurationError
from lakeserve.settings import load_settings

# What requests, everything on OpenSSL or Go, and Node read.
VARIABLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")


@click.group(name="tls")
def command() -> None:
    """The https listener that 'lakeserve up --tls' starts."""


@command.command("ca")
@config_option
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory of the platform. [LAKESERVE_DATA_DIR; default: ~/.lakeserve]",
)
@click.option("--pem", is_flag=True, help="Print the certificate itself instead.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def authority(config: Path | None, data_dir: Path | None, pem: bool, as_json: bool) -> None:
    """Print how clients trust the certificate, in a form for: eval "$(lakeserve tls ca)".

    The variables replace a client's other authorities for as long as they are set.
    """
    from lakeserve.control.certificate import certificate_files
    from lakeserve.core.certificates import read_certificate

    files = certificate_files(load_settings(config, data_dir=data_dir))
    try:
        text = files.certificate.read_text("ascii")
        facts = read_certificate(text)
    except FileNotFoundError:
        raise ConfigurationError(
            f"there is no certificate at {files.certificate} yet; lakeserve up --tls makes one"
        ) from None
    except (OSError, ValueError):
        raise ConfigurationError(f"{files.certificate} holds no certificate in PEM") from None
    if pem:
        click.echo(text, nl=False)
        return
    if as_json:
        shown = {
            "certificate": str(files.certificate),
            "names": sorted(facts.names),
            "ends_at": facts.ends_at.isoformat(),
            "sha256": facts.fingerprint,
        }
        click.echo(json.dumps(shown, ensure_ascii=False))
        return
    names = ", ".join(sorted(facts.names))
    click.echo(f"# for {names}; until {facts.ends_at:%Y-%m-%d}; SHA-256 {facts.fingerprint}")
    for variable in VARIABLES:
        click.echo(f"export {variable}={shlex.quote(str(files.certificate))}")
