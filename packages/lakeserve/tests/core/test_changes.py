from lakeserve.core.changes import EVERYTHING, Changed


def test_everything_stands_for_all_keys() -> None:
    changed = Changed(3, {"token": frozenset({"a"}), "endpoint": frozenset({"b", EVERYTHING})})
    assert changed.of("token") == frozenset({"a"})
    assert changed.of("endpoint") is None
    assert changed.of("account") == frozenset()
