"""How a worker's own programs are told where to listen."""

import argparse
from pathlib import Path

from lakeserve.core.endpoints import Address


def listen_arguments(address: Address) -> list[str]:
    """The arguments that :func:`add_listen_arguments` lets a program understand."""
    if address.uds is not None:
        return ["--socket", address.uds]
    return ["--listen", f"{address.host}:{address.port}"]


def add_listen_arguments(parser: argparse.ArgumentParser) -> None:
    """Have a worker say where it listens: ``--socket PATH`` or ``--listen HOST:PORT``."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--socket", type=Path, help="unix socket to listen on")
    where.add_argument("--listen", metavar="HOST:PORT", help="address to listen on")
