from lakeserve.core.audit import named_object


def test_what_names_an_object_and_nothing_else() -> None:
    fields = {"scope": "a", "key": "b", "string_value": "sk-secret", "name": {"x": "y"}}
    assert named_object("/put", fields) == "/put scope='a' key='b'"


def test_a_line_stays_a_line() -> None:
    line = named_object("/put", {"scope": "a\nb" + "x" * 5000})
    assert "\n" not in line
    assert len(line) < 300
