"""Repetitions stay a share of the calls."""

from lakeserve.gateway.retry_budget import BURST, MAX_ENDPOINTS, SHARE, RetryBudget


def test_a_share_of_the_calls() -> None:
    budget = RetryBudget()
    spent = 0
    for _ in range(1000):
        budget.earn("e")
        while budget.spend("e"):
            spent += 1
    assert 1000 * SHARE <= spent <= BURST + 1000 * SHARE


def test_endpoints_do_not_share() -> None:
    budget = RetryBudget()
    while budget.spend("a"):
        pass
    assert budget.spend("b")


def test_it_forgets_endpoints() -> None:
    budget = RetryBudget()
    for number in range(3 * MAX_ENDPOINTS):
        budget.earn(str(number))
    assert len(budget._left) <= MAX_ENDPOINTS
