"""A loaded MLflow model: from the bytes of a request to the bytes of its answer.

The meaning of requests and answers is that of MLflow's own scoring server, whose functions are
called. Everything here blocks and runs in the pool's threads.
"""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from lakeserve.core.errors import EngineError
from lakeserve.workers.scoring.errors import ScoringError, bad_request
from lakeserve.workers.scoring.mlflow_names import MlflowNames, mlflow_names
from lakeserve.workers.scoring.replies import to_json
from lakeserve.workers.scoring.tables import Tables
from lakeserve.workers.serve.streaming import event_of

JSON, CSV, PARQUET = "application/json", "text/csv", "application/vnd.apache.parquet"

EXAMPLE_FILE = "serving_input_example.json"

# What follows explains how the protocol changed years ago.
_ADVICE = " IMPORTANT: "
_SCHEMA_PREFIX = "Failed to enforce schema"

logger = logging.getLogger(__name__)


class Scorable(NamedTuple):
    """A parsed request.

    Attributes:
        data: What the model's ``predict`` gets.
        params: Its parameters, or None.
        bare: Whether the answer goes out without ``predictions`` around it.
        stream: Whether the answer is wanted as events.
    """

    data: Any
    params: dict[str, Any] | None
    bare: bool
    stream: bool


class ScoringModel:
    """A model and how to ask it.

    Args:
        model: What MLflow has loaded.
        names: The MLflow that has loaded it.
        tables: Shorter ways for tables of numbers; None leaves all of them to MLflow.
    """

    def __init__(self, model: Any, names: MlflowNames, tables: Tables | None = None) -> None:
        self._model = model
        self._names = names
        self._tables = tables
        self._schema = model.metadata.get_input_schema()
        flavor = model.metadata.flavors.get("python_function", {})
        self._streams = bool(flavor.get("streamable"))

    def read(self, body: bytes, content_type: str) -> Scorable:
        """What a request asks.

        Raises:
            ScoringError: It cannot be read, or does not fit the model.
        """
        kind = _media_type(content_type)
        try:
            if kind == JSON:
                return self._read_json(body)
            return Scorable(self._frame(kind, body), None, bare=False, stream=False)
        except self._names.error as error:
            raise self._refusal(error) from None

    def predict(self, asked: Scorable) -> bytes:
        """The answer in one piece.

        Raises:
            ScoringError: The model refused the input or failed.
        """
        return self.written(self.plain(asked), bare=asked.bare)

    def plain(self, asked: Scorable) -> Any:
        """The model's answer as plain values.

        Raises:
            ScoringError: The model refused the input or failed.
        """
        try:
            raw = self._model.predict(asked.data, params=asked.params)
            records = None if self._tables is None else self._tables.records(raw)
            return self._names.jsonable(raw) if records is None else records
        except self._names.error as error:
            raise self._refusal(error) from None
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the model's code may raise anything
            raise _failure(error) from None

    def written(self, answer: Any, *, bare: bool) -> bytes:
        """An answer as JSON.

        Args:
            answer: Plain values.
            bare: Whether it goes out without ``predictions`` around it.

        Raises:
            ScoringError: It cannot be written.
        """
        return self._json(answer if bare else {"predictions": answer})

    def events(self, asked: Scorable) -> Iterator[bytes]:
        """The answer as server-sent events, without the last one, ``[DONE]``.

        Raises:
            ScoringError: The model does not stream, refused the input or failed.
        """
        if not self._streams:
            raise bad_request("The model has no predict_stream; send the request without 'stream'.")
        try:
            for chunk in self._model.predict_stream(asked.data, params=asked.params):
                yield event_of(self._json(self._names.jsonable(chunk)))
        except self._names.error as error:
            raise self._refusal(error) from None
        except ScoringError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the model's code may raise anything
            raise _failure(error) from None

    def warm_up(self, directory: Path) -> None:
        """Predict the model's own example once, so that the first caller does not wait.

        Examples of chat models are left alone: their models may call paid services.
        """
        try:
            body = (directory / EXAMPLE_FILE).read_bytes()
        except OSError:
            return
        try:
            asked = self.read(body, JSON)
            if not asked.bare:
                self.predict(asked)
        except ScoringError as error:
            logger.warning("the model's input example cannot be predicted: %s", error.message)

    def _read_json(self, body: bytes) -> Scorable:
        given = _json_object(body)
        if self._tables is not None and (frame := self._tables.frame(given)) is not None:
            return Scorable(frame, given.get("params"), bare=False, stream=False)
        wants = given.get("stream", False)
        # Data under the usual keys is not the model's own parameter ``stream``.
        parsed = self._names.parse_json(given, self._model.metadata, self._schema)
        if not isinstance(wants, bool):
            raise bad_request("Field 'stream' must be true or false.")
        return Scorable(parsed.data, parsed.params, parsed.is_unified_llm_input, wants)

    def _frame(self, kind: str, body: bytes) -> Any:
        if kind == PARQUET:
            return self._names.parse_parquet(io.BytesIO(body))
        try:
            text = body.decode()
        except UnicodeDecodeError:
            raise bad_request("The CSV is not UTF-8 text.") from None
        return self._names.parse_csv(io.StringIO(text), self._schema)

    def _json(self, answer: Any) -> bytes:
        try:
            return to_json(answer, self._names.encode)
        except (TypeError, ValueError, RecursionError) as error:
            raise ScoringError(
                500, "INTERNAL_ERROR", f"The model's answer cannot be written as JSON: {error}"
            ) from None

    def _refusal(self, error: Any) -> ScoringError:
        """MLflow's error for the caller; its dump of the data and the schema stays here."""
        text, _, _ = str(error.message).partition(_ADVICE)
        if text.startswith(_SCHEMA_PREFIX):
            _, _, reason = text.rpartition(" Error: ")
            text = f"The input does not fit the model's signature: {reason}"
        return ScoringError(int(error.get_http_status_code()), str(error.error_code), text)


def load(directory: Path) -> ScoringModel:
    """Load a model with the MLflow of this environment.

    Raises:
        EngineError: It cannot be loaded; the log has the stack trace.
    """
    names = mlflow_names()
    import mlflow

    # Each traced call costs milliseconds, and a database in the working directory.
    mlflow.tracing.disable()
    try:
        pyfunc = mlflow.pyfunc.load_model(str(directory))
        model = ScoringModel(pyfunc, names, Tables(pyfunc.metadata))
    except (Exception, SystemExit) as error:
        logger.exception("the model cannot be loaded")
        raise EngineError(f"the model cannot be loaded: {_text(error)}") from None
    model.warm_up(directory)
    return model


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            value = json.loads(body)  # takes NaN, which Python's clients write
        except ValueError as error:
            raise bad_request(f"The request body is not valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise bad_request(f"The request body must be a JSON object, not {type(value).__name__}.")
    return value


def _media_type(content_type: str) -> str:
    kind, *parameters = (part.strip() for part in content_type.split(";"))
    kind = kind.lower() or JSON
    for parameter in filter(None, parameters):
        name, _, value = parameter.partition("=")
        if name.strip().lower() != "charset" or value.strip('" ').lower() != "utf-8":
            raise _unsupported(content_type)
    if kind not in {JSON, CSV, PARQUET}:
        raise _unsupported(content_type)
    return kind


def _unsupported(content_type: str) -> ScoringError:
    return ScoringError(
        415,
        "BAD_REQUEST",
        f"Content type {content_type!r} is not accepted; send {JSON}, {CSV} or {PARQUET} in UTF-8.",
    )


def _failure(error: BaseException) -> ScoringError:
    """What the model's own code raised; the stack trace stays in the log."""
    logger.error("the model failed", exc_info=error)
    if isinstance(error, MemoryError):
        return ScoringError(500, "INTERNAL_ERROR", "The model ran out of memory.")
    return bad_request(f"The model failed: {_text(error)}")


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:2000]
