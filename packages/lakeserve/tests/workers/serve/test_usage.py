from lakeserve.workers.serve.events import Usage
from lakeserve.workers.serve.usage import total


def test_completions_are_summed_and_each_prompt_counts_once() -> None:
    usages = {0: Usage(5, 1), 1: Usage(5, 2, 4), 2: Usage(7, 3), 3: Usage(7, 4, 6)}
    assert total(usages, 2) == {
        "prompt_tokens": 12,
        "completion_tokens": 10,
        "total_tokens": 22,
        "prompt_tokens_details": {"cached_tokens": 0},
    }
