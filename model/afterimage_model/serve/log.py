"""Logs as JSON, one line each, on standard output. Facts only: job ids and seconds, never a prompt."""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from typing import Any


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object: `at`, `level`, `event`, then the fields given in `extra={"fields": …}`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; an exception becomes the field `traceback`."""
        line: dict[str, Any] = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def configure_logging() -> None:
    """Send everything from INFO up to standard output as JSON lines; uvicorn's access log stays off."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("uvicorn.error", "botocore", "httpx", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    warnings.simplefilter("ignore", FutureWarning)  # the libraries' plans for their next version, on every start
    logging.captureWarnings(True)
