from lakeserve.workers.scoring.errors import bad_request


def test_the_shape_of_mlflows_own_server() -> None:
    error = bad_request("no column x")
    assert (error.status, error.retry_after_s) == (400, None)
    assert error.body() == {"error_code": "BAD_REQUEST", "message": "no column x"}
