import orjson
from hypothesis import given
from hypothesis import strategies as st
from lakeserve.workers.serve.errors import invalid
from lakeserve.workers.serve.streaming import DONE, error_event, event


@given(st.text() | st.text(alphabet="a\n\r\x0b\x0c\x1c\u0085\u2028\u2029"))
def test_an_event_is_one_data_line_and_an_empty_line_however_lines_are_cut(text: str) -> None:
    data = event({"text": text}).decode()
    assert data.splitlines() == [data[:-2], ""]
    assert orjson.loads(data.removeprefix("data: ")) == {"text": text}


def test_the_end_of_a_stream() -> None:
    assert DONE == b"data: [DONE]\n\n"


def test_an_error_event_has_the_shape_that_clients_raise_on() -> None:
    assert error_event(invalid("n", "is odd.")) == (
        b'data: {"error":{"message":"n: is odd.","type":"invalid_request_error",'
        b'"code":"invalid_value","param":"n"}}\n\n'
    )
