import pytest
from lakeserve.cli import main
from lakeserve.cli.exits import ServerError, Unreached, status_of
from lakeserve.core.errors import ConfigurationError, LakeserveError


@pytest.mark.parametrize(
    ("error", "status"),
    [(ServerError("x"), 1), (ConfigurationError("x"), 1), (Unreached("x"), 3)],
)
def test_statuses(
    error: LakeserveError,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert status_of(error) == status

    def fails(**_options: object) -> None:
        raise error

    monkeypatch.setattr(main.cli, "main", fails)
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == status
    assert capsys.readouterr().err == "lakeserve: x\n"
