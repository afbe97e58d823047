from lakeserve.core.ports import Snapshot


def test_an_empty_snapshot_knows_nobody() -> None:
    snapshot = Snapshot()
    assert (snapshot.endpoints, snapshot.principals, snapshot.clusters) == ({}, {}, {})
    assert snapshot == Snapshot()
