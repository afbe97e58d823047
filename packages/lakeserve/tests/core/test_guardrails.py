from lakeserve.core.guardrails import CATEGORIES, Abilities, Verdict


def test_nothing_is_found_and_nothing_can_be_by_default() -> None:
    assert Verdict() == Verdict(frozenset(), False)
    assert Abilities() == Abilities(personal_data=False, classifier=False)
    assert len(set(CATEGORIES)) == 11
