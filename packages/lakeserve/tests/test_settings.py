from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lakeserve.core.errors import ConfigurationError
from lakeserve.core.identity import DEVELOPMENT_TOKEN
from lakeserve.foundation_settings import ServerProgram, Upstream, VllmServer
from lakeserve.settings import DriverHost, inherited_environment, is_loopback, load_settings
from pydantic import ValidationError

SECRET = "a-long-token-of-our-own"


@pytest.fixture(autouse=True)
def _quiet_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No variable and no file of whoever runs the tests."""
    for name in inherited_environment():
        if name.upper().startswith("LAKESERVE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    yield
    monkeypatch.undo()
    load_settings()  # forgets the file of the test


def toml(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_without_anything_the_defaults_hold() -> None:
    settings = load_settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8400)
    assert settings.uses_development_token
    assert settings.database_path == settings.data_dir / "lakeserve.db"
    assert settings.data_dir.is_absolute()


def test_flags_win_over_variables_and_those_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = toml(tmp_path / "own.toml", "port = 1\nlog_level = 'debug'\nworkspace_id = '5'\n")
    monkeypatch.setenv("LAKESERVE_PORT", "2")
    monkeypatch.setenv("LAKESERVE_LOG_LEVEL", "info")
    settings = load_settings(file, port=3, host=None)
    assert (settings.port, settings.log_level, settings.workspace_id) == (3, "info", "5")
    assert settings.host == "127.0.0.1"


def test_where_the_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml(tmp_path / "lakeserve.toml", "port = 1\n")
    assert load_settings().port == 1
    monkeypatch.setenv("LAKESERVE_CONFIG", str(toml(tmp_path / "other.toml", "port = 2\n")))
    assert load_settings().port == 2
    assert load_settings(toml(tmp_path / "named.toml", "port = 3\n")).port == 3


def test_a_whole_file(tmp_path: Path) -> None:
    settings = load_settings(
        toml(
            tmp_path / "own.toml",
            """
            token = "a-long-token-of-our-own"
            [engine]
            slots = 2
            [foundation]
            databricks-dbrx-instruct = "demo"
            databricks-bge-large-en = { url = "http://h/v1/", model = "m", api_key = "sk-key" }
            [clusters]
            one = "127.0.0.1"
            two = { host = "driver", tls = true }
            """,
        )
    )
    assert settings.engine.slots == 2
    assert settings.foundation["databricks-dbrx-instruct"] == "demo"
    upstream = settings.foundation["databricks-bge-large-en"]
    assert isinstance(upstream, Upstream)
    assert (upstream.url, upstream.model) == ("http://h/v1", "m")
    assert settings.clusters == {"one": "127.0.0.1", "two": DriverHost(host="driver", tls=True)}


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    upstream = {"url": "http://h", "api_key": "sk-key"}
    settings = load_settings(token=SECRET, foundation={"databricks-x": upstream})
    for shown in (repr(settings), str(settings), repr(settings.foundation), str(vars(settings))):
        assert SECRET not in shown
        assert "sk-key" not in shown


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("prot = 1", ["prot: unknown key", "port"]),
        ("[engine]\nthread = 1", ["engine.thread: unknown key"]),
        ("port = 'many'", ["port: ", "'many'"]),
        ("port = 70000", ["port: ", "65535", "70000"]),
        ("log_level = 'loud'", ["log_level: ", "'loud'", "'warning'"]),
        ("[clusters]\none = { host = 'http://h' }", ["'http://h' is not a host name"]),
        ("[foundation]\ndatabricks-x = { url = 'ftp://h' }", ["'ftp://h' is not an http://"]),
        ("port = ", ["own.toml"]),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, text: str, parts: list[str]) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_settings(toml(tmp_path / "own.toml", text))
    for part in parts:
        assert part in str(refused.value)


def test_a_file_that_does_not_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.toml' does not exist"):
        load_settings(tmp_path / "none.toml")
    monkeypatch.setenv("LAKESERVE_CONFIG", "none.toml")
    with pytest.raises(ConfigurationError, match=r"none\.toml' does not exist"):
        load_settings()


@pytest.mark.parametrize("name", ["LAKESERVE_PROT", "lakeserve_prot", "LAKESERVE_PROT__X"])
def test_an_unknown_variable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(ConfigurationError, match=f"{name} is unknown; accepted: .*LAKESERVE_PORT"):
        load_settings()


def test_variables_reach_inner_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKESERVE_ENGINE__SLOTS", "7")
    monkeypatch.setenv("LAKESERVE_FOUNDATION", '{"databricks-x": "demo"}')
    settings = load_settings()
    assert settings.engine.slots == 7
    assert settings.foundation == {"databricks-x": "demo"}


def test_a_variable_that_is_no_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKESERVE_FOUNDATION", "demo")
    with pytest.raises(ConfigurationError, match="foundation"):
        load_settings()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "lake.example"])
def test_the_development_token_stays_home(host: str) -> None:
    with pytest.raises(ConfigurationError, match="the development token is public") as refused:
        load_settings(host=host, token=DEVELOPMENT_TOKEN)
    assert f"'{host}'" in str(refused.value)
    assert load_settings(host=host).administrator_token is None
    assert load_settings(host=host, token=SECRET).administrator_token == SECRET


def test_a_token_is_made_where_one_asks_for_it() -> None:
    assert load_settings().administrator_token == DEVELOPMENT_TOKEN
    assert load_settings(generate_token=True).administrator_token is None
    assert not load_settings(generate_token=True).uses_development_token
    assert load_settings(generate_token=True, token=SECRET).administrator_token == SECRET


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("localhost.example", False),
    ],
)
def test_what_is_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_a_refused_token_is_not_repeated(tmp_path: Path) -> None:
    for text in (
        "token = 987654",
        "[foundation]\nx = { url = 'http://h', api_key = 987654 }",
        "[foundation]\nx = { urll = 'http://h', api_key = '987654' }",
    ):
        with pytest.raises(ConfigurationError) as refused:
            load_settings(toml(tmp_path / "own.toml", text))
        assert "987654" not in str(refused.value)


def test_settings_do_not_change() -> None:
    settings = load_settings()
    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc]


@pytest.mark.parametrize("value", ["h/x", "u@h", "h?x", "a b", ""])
def test_driver_hosts_are_bare(value: str) -> None:
    with pytest.raises(ValidationError, match="not a host name"):
        DriverHost(host=value)


def test_the_environment_is_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_VARIABLE", "x")
    environment: dict[str, Any] = inherited_environment()
    assert environment["SOME_VARIABLE"] == "x"
    del environment["SOME_VARIABLE"]
    assert "SOME_VARIABLE" in inherited_environment()


def test_server_programs_say_where_they_listen(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text(
        "[foundation]\n"
        'databricks-a = {vllm = "/models/qwen", max_model_len = 4096}\n'
        'databricks-b = {command = ["srv", "--socket={socket}"], replicas = 2}\n'
    )
    foundation = load_settings(config).foundation
    assert foundation["databricks-a"] == VllmServer(vllm="/models/qwen", max_model_len=4096)
    assert foundation["databricks-b"] == ServerProgram(
        command=("srv", "--socket={socket}"), replicas=2
    )
    config.write_text('[foundation]\ndatabricks-b = {command = ["srv"]}\n')
    with pytest.raises(ConfigurationError, match="where is it to listen"):
        load_settings(config)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("replicas = 3, max_replicas = 2, concurrency = 8", "max_replicas is 2, but 3 replicas"),
        ("max_replicas = 2", "max_replicas needs a concurrency"),
    ],
)
def test_replicas_that_cannot_follow_calls(tmp_path: Path, fields: str, said: str) -> None:
    config = tmp_path / "lakeserve.toml"
    config.write_text(f'[foundation]\ndatabricks-a = {{ model = "demo", {fields} }}\n')
    with pytest.raises(ConfigurationError, match=said):
        load_settings(config)
