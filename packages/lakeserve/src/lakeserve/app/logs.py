"""What log lines look like: for people, or as JSON objects for programs."""

import logging
import sys
from datetime import datetime, timezone
from typing import TextIO

import orjson

from lakeserve.core.request_context import current_request
from lakeserve.settings import Settings

TEXT = "%(asctime)s %(levelname)s %(name)s:%(request)s %(message)s"


class TextLines(logging.Formatter):
    """A line per record; those that belong to a request have its id in brackets."""

    def __init__(self) -> None:
        super().__init__(TEXT)

    def format(self, record: logging.LogRecord) -> str:
        """See ``logging.Formatter.format``."""
        request = current_request.get()
        record.request = f" [{request}]" if request else ""
        return super().format(record)


class JsonLines(logging.Formatter):
    """A JSON object per record: ``time``, ``level``, ``logger``, ``message``, ``request_id``."""

    def format(self, record: logging.LogRecord) -> str:
        """See ``logging.Formatter.format``."""
        line = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        request = current_request.get()
        if request:
            line["request_id"] = request
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line).decode()


def configure_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Log to standard error, or a stream, at the level and in the format of the settings."""
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(JsonLines() if settings.log_format == "json" else TextLines())
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
