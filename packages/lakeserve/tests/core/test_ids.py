import re
import subprocess
import sys
import time
import uuid

from lakeserve.core.ids import now_ms, object_id, request_id, stable_object_id


def test_object_ids() -> None:
    made = {object_id() for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in made)


def test_stable_ids_depend_on_every_part() -> None:
    assert stable_object_id("a", "b") == stable_object_id("a", "b")
    different = [("a", "b"), ("ab",), ("b", "a"), ("a", "b", ""), ("a",), ()]
    assert len({stable_object_id(*parts) for parts in different}) == len(different)
    assert re.fullmatch("[0-9a-f]{32}", stable_object_id("a"))


def test_request_ids_look_like_uuids() -> None:
    made = request_id()
    assert str(uuid.UUID(made)) == made
    assert request_id() != made


def test_a_forked_process_gives_ids_of_its_own() -> None:
    program = """
import os
from lakeserve.core.ids import request_id
request_id()
child = os.fork()
print(request_id(), flush=True)
if child:
    os.wait()
"""
    seen = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout
    first, second = seen.decode().split()
    assert first[:24] != second[:24]


def test_the_time_is_in_milliseconds() -> None:
    assert abs(now_ms() - time.time() * 1000) < 1000
