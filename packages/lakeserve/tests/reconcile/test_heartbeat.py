from lakeserve.reconcile.heartbeat import Heartbeat, heartbeat
from lakeserve.settings import EngineSettings


def test_the_settings_decide() -> None:
    engine = EngineSettings(probe_interval_s=2, probe_timeout_s=3, idle_timeout_s=90)
    assert heartbeat(engine) == Heartbeat(interval_s=2, timeout_s=3, idle_timeout_s=90)


def test_idleness_is_looked_for_often_enough() -> None:
    assert heartbeat(EngineSettings(idle_timeout_s=0.5)).interval_s == 0.5
