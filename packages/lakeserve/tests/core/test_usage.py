"""Tests of what is written down of calls."""

from lakeserve.core.usage import STORED_FIELDS, CallRecord


def test_a_call_that_reached_nobody_used_nothing() -> None:
    call = CallRecord("r", None, "e", "chat", "", "", "a@b.c", "chat", 429, False, 0, 1.0)
    assert (call.attempts, call.input_tokens, call.output_tokens) == (0, 0, 0)
    assert call.first_byte_ms is None


def test_payloads_stand_last() -> None:
    assert CallRecord._fields[STORED_FIELDS:] == ("request", "response")
