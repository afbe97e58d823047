"""A model that predicts the rows of several requests at once."""

import logging
from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from lakeserve.workers.scoring.batches import joined, rows_of, split
from lakeserve.workers.scoring.errors import ScoringError
from lakeserve.workers.scoring.model import Scorable, ScoringModel

logger = logging.getLogger(__name__)


class Request(NamedTuple):
    """What came from a caller."""

    body: bytes
    content_type: str


# The bytes of an answer, what is to be streamed or predicted by itself, or why there is neither.
Outcome: TypeAlias = bytes | Scorable | Exception


class _Member(NamedTuple):
    place: int
    asked: Scorable
    rows: int


class BatchedModel:
    """Answers requests together, each as if it had come alone.

    Requests of the same columns, types and parameters are predicted at once. If that fails, each of
    them is to be predicted by itself, so that one caller's input spoils nobody else's answer.

    Args:
        model: Reads and predicts.
        max_rows: Rows that are predicted at once, at most; a request of more rows stays alone.

    Attributes:
        is_vectorised: False once the model has given an answer that does not have a row for each
            row of its input; from then on no requests are predicted at once.
    """

    def __init__(self, model: ScoringModel, max_rows: int) -> None:
        self.is_vectorised = True
        self._model = model
        self._max_rows = max_rows

    def answer(self, requests: Sequence[Request]) -> list[Outcome]:
        """The outcome of each request, in their order. It blocks.

        Those that do not fit with any others are only read, unless there are no others: whoever
        waits for the batch shall not wait for them.
        """
        outcomes = [self._read(request) for request in requests]
        groups: dict[Hashable, list[_Member]] = {}
        for place, asked in enumerate(outcomes):
            if not isinstance(asked, Scorable) or asked.stream:
                continue
            if len(requests) == 1:
                return [self._alone(asked)]
            if self.is_vectorised and not asked.bare and (rows := rows_of(asked.data)) is not None:
                # Texts tell 1 from 1.0 and True, which are equal.
                kind = rows.kind, repr(asked.params)
                groups.setdefault(kind, []).append(_Member(place, asked, rows.number))
        for group in groups.values():
            for batch in self._batches(group):
                for member, outcome in zip(batch, self._together(batch), strict=True):
                    outcomes[member.place] = outcome
        return outcomes

    def _read(self, request: Request) -> Outcome:
        try:
            return self._model.read(request.body, request.content_type)
        except Exception as error:  # noqa: BLE001 - it is raised where the caller is answered
            return error

    def _batches(self, group: Sequence[_Member]) -> Iterator[list[_Member]]:
        batch: list[_Member] = []
        size = 0
        for member in group:
            if batch and size + member.rows > self._max_rows:
                yield batch
                batch, size = [], 0
            batch.append(member)
            size += member.rows
        yield batch

    def _together(self, batch: Sequence[_Member]) -> Sequence[Outcome]:
        if len(batch) == 1:
            return [self._alone(batch[0].asked)]
        return self._predict_rows(batch) or [member.asked for member in batch]

    def _predict_rows(self, batch: Sequence[_Member]) -> list[Outcome] | None:
        """The outcomes, or None when each request has to be predicted by itself."""
        try:
            data = joined([member.asked.data for member in batch])
            answer = self._model.plain(batch[0].asked._replace(data=data))
        except Exception as error:
            told = isinstance(error, ScoringError)  # the model's own failures are in the log
            text = "a batch of %d requests failed; each is predicted alone"
            logger.warning(text, len(batch), exc_info=not told)
            return None
        counts = [member.rows for member in batch]
        parts = split(answer, counts)
        if parts is None:
            self.is_vectorised = False
            logger.warning(
                "batching is off: the model was given %d rows and did not answer with as many;"
                " requests are predicted one by one from now on",
                sum(counts),
            )
            return None
        return [self._written(part) for part in parts]

    def _written(self, part: object) -> Outcome:
        try:
            return self._model.written(part, bare=False)
        except Exception as error:  # noqa: BLE001 - as above
            return error

    def _alone(self, asked: Scorable) -> Outcome:
        try:
            return self._model.predict(asked)
        except Exception as error:  # noqa: BLE001 - as above
            return error
