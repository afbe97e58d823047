import pytest
from lakeserve.core.errors import InvalidParameter
from lakeserve.workers.batching import Batching, batching_of

SIZE, WAIT = "LAKESERVE_MAX_BATCH_SIZE", "LAKESERVE_MAX_BATCH_WAIT_MS"


def test_what_variables_say() -> None:
    assert batching_of({"KEY": "1"}) is None
    assert batching_of({SIZE: "64"}) == Batching(64, 10)
    assert batching_of({SIZE: "2", WAIT: "0"}) == Batching(2, 0)
    assert (Batching(64).max_requests, Batching(100_000).max_requests) == (64, 256)
    assert batching_of({SIZE: "{{secrets/s/k}}", WAIT: "5"}) is None


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({SIZE: "1"}, "LAKESERVE_MAX_BATCH_SIZE' must be a whole number from 2 to 100000"),
        ({SIZE: "100001"}, "from 2 to 100000"),
        ({SIZE: "9" * 5000}, "from 2 to 100000"),
        ({SIZE: "many"}, "from 2 to 100000"),
        ({SIZE: "\u0664"}, "from 2 to 100000"),
        ({SIZE: "4", WAIT: "-1"}, "here.LAKESERVE_MAX_BATCH_WAIT_MS' must be .* from 0 to 10000"),
        ({WAIT: "5"}, "needs LAKESERVE_MAX_BATCH_SIZE beside it"),
    ],
)
def test_refusals(variables: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidParameter, match=message):
        batching_of(variables, "here")
