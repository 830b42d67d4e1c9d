"""Segments for X-Ray, written without its SDK: one call, one try, and nothing depends on it."""

from __future__ import annotations

import json
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# A trace is worth two seconds at most of a function that has done its work.
BRIEFLY = Config(connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 1})


class XRay:
    """Writes segment documents."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def put(self, segment: dict[str, Any]) -> bool:
        """Write one segment; tell whether X-Ray took it. Never raises what AWS or the network do."""
        try:
            answer = self._client.put_trace_segments(TraceSegmentDocuments=[json.dumps(segment)])
        except (ClientError, BotoCoreError):
            return False
        return not answer.get("UnprocessedTraceSegments")
