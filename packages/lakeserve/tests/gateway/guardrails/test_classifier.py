import sys
from pathlib import Path

import pytest
from lakeserve.core.errors import ConfigurationError
from lakeserve.core.guardrails import Verdict
from lakeserve.gateway.guardrails.classifier import load_classifier

CODE = """
from lakeserve.core.guardrails import Verdict

class Judge:
    async def classify(self, texts, topics):
        return Verdict(frozenset({"hate"}) if "hate" in texts[0] else frozenset())

class Mute:
    pass

class Needy:
    def __init__(self, what):
        pass
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that offers classifiers, as pip would have installed it."""
    (tmp_path / "judges.py").write_text(CODE)
    facts = tmp_path / "judges-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: judges\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(
        "[lakeserve.classifiers]\njudge = judges:Judge\nmute = judges:Mute\n"
        "needy = judges:Needy\ngone = judges:Gone\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "judges", raising=False)


@pytest.mark.usefixtures("installed")
async def test_a_classifier_of_a_package() -> None:
    classifier = load_classifier("judge")
    assert await classifier.classify(["hate"], []) == Verdict(frozenset({"hate"}))


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("other", "'other' is unknown; accepted: gone, judge, mute, needy"),
        ("mute", "no method 'classify'"),
        ("needy", "cannot be loaded"),
        ("gone", "cannot be loaded"),
    ],
)
def test_what_cannot_be_used(name: str, text: str) -> None:
    with pytest.raises(ConfigurationError, match=f"guardrail_classifier.*{text}"):
        load_classifier(name)


def test_none_is_installed() -> None:
    with pytest.raises(ConfigurationError, match="none is installed"):
        load_classifier("judge")
