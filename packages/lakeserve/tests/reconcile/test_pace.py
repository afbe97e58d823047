import pytest
from lakeserve.reconcile.pace import USUAL_PACE, Pace

PACE = Pace(first_pause_s=1, longest_pause_s=10)


@pytest.mark.parametrize(
    ("failures", "most"), [(1, 0), (2, 1), (3, 2), (4, 4), (5, 8), (6, 10), (9999, 10)]
)
def test_pauses_double_up_to_the_longest(failures: int, most: float) -> None:
    for _ in range(20):
        assert 0.8 * most <= PACE.pause_s(failures, failed=False) <= most


def test_what_failed_is_tried_rarely() -> None:
    assert USUAL_PACE.pause_s(1, failed=True) >= 24
