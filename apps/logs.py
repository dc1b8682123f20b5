"""Logs: for each record a line of text, or one JSON object a line."""

import json
import logging
from datetime import UTC, datetime

from evidence.clock import timestamp
from evidence.settings import Settings


class JsonLines(logging.Formatter):
    """{at, level, logger, process, text} and, after an exception, {error}; ASCII alone."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        told: dict[str, object] = {
            "at": timestamp(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "text": record.getMessage(),
        }
        if record.exc_info:
            told["error"] = self.formatException(record.exc_info)
        return json.dumps(told)


def log_to(settings: Settings, form: str, *handlers: logging.Handler) -> None:
    """Send everything from INFO on to `handlers`, as the settings say; `form` is that of lines of text."""
    for handler in handlers:
        handler.setFormatter(JsonLines() if settings.log_format == "json" else logging.Formatter(form))
    logging.basicConfig(level=logging.INFO, handlers=handlers)
