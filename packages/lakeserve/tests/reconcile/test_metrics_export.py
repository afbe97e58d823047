"""The text that Prometheus reads."""

import os
from pathlib import Path

from lakeserve.core.usage import CallRecord
from lakeserve.reconcile.call_metrics import CallMetrics
from lakeserve.reconcile.metrics_export import MetricsExport
from lakeserve.storage.frames import Entry
from lakeserve.storage.journal import JournalFolder, JournalWriter
from lakeserve.storage.process_status import ProcessStatus
from prometheus_client.parser import text_string_to_metric_families

CALL = CallRecord("r", None, "e", "chat", "s", "chat-1", "anna", "chat", 200, False, 0, 30.0)


def values(text: bytes) -> dict[str, float]:
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_processes_and_journals_are_seen(tmp_path: Path) -> None:
    folder = JournalFolder(tmp_path)
    export = MetricsExport(CallMetrics("USD"), folder, tmp_path)
    empty = values(export.platform())
    assert empty["lakeserve_journal_backlog_bytes"] == 0
    assert empty["lakeserve_journal_backlog_age_seconds"] == 0
    ProcessStatus(tmp_path, {"in_flight": lambda: 3.0}, {401: 2}).write()
    writer = JournalWriter(tmp_path)
    writer.append(CALL, 0.0)
    text = export.platform()
    assert f'lakeserve_gateway_in_flight{{process="{os.getpid()}"}} 3.0' in text.decode()
    strays = f'unmatched_requests_total{{process="{os.getpid()}",status="401"}} 2.0'
    assert f"lakeserve_gateway_{strays}" in text.decode()
    assert values(text)["lakeserve_journal_backlog_bytes"] == folder.backlog().size > 0
    writer.seal()


def test_an_endpoint_sees_its_own(tmp_path: Path) -> None:
    calls = CallMetrics("USD")
    calls.observe(
        [Entry(CALL, 0.0), Entry(CALL._replace(endpoint_id="other", endpoint_name="other"), 0.0)]
    )
    text = MetricsExport(calls, JournalFolder(tmp_path), tmp_path).endpoint("e").decode()
    assert 'endpoint_id="e"' in text
    assert "other" not in text
    assert "lakeserve_" not in text
