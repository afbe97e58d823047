import pytest
from lakeserve.workers.serve.activity import Activity


def test_calls_are_counted_and_idleness_is_measured() -> None:
    now = [100.0]
    activity = Activity(lambda: now[0])
    now[0] = 103.5
    assert activity.seen() == {"active": 0, "idle_s": 3.5, "busy_s": 0.0}
    with activity:
        now[0] = 110.0
        with activity:
            now[0] = 111.0
            assert activity.seen() == {"active": 2, "idle_s": 0.0, "busy_s": 8.5}
        now[0] = 111.5
        assert activity.seen() == {"active": 1, "idle_s": 0.0, "busy_s": 9.0}
    now[0] = 112.0
    assert activity.seen() == {"active": 0, "idle_s": 0.5, "busy_s": 9.0}


def test_a_failed_call_has_ended_too() -> None:
    activity = Activity()
    with pytest.raises(ValueError, match="oops"), activity:
        raise ValueError("oops")
    assert activity.seen()["active"] == 0
