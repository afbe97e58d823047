import socket
from pathlib import Path

from lakeserve.cli.doctor import examine
from lakeserve.settings import load_settings


def test_a_busy_port_is_reported_with_a_remedy(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        findings = {f.subject: f for f in examine(load_settings(data_dir=tmp_path, port=port))}
    finding = findings[f"port {port} on 127.0.0.1"]
    assert not finding.fine
    assert f"lakeserve up --port {port + 1}" in finding.detail


def test_a_data_directory_that_does_not_exist_yet_is_fine(tmp_path: Path) -> None:
    findings = {f.subject: f for f in examine(load_settings(data_dir=tmp_path / "a" / "b"))}
    assert findings["data directory"].fine
