"""How far the container is with a job, as it writes it beside the job's documents."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from afterimage.contracts.codec import ContractError, from_json
from afterimage.contracts.progress import GenerationProgress, progress_key
from afterimage.domain.job import JobId
from afterimage.ports import Clock

_MAX_BYTES = 1_000
_FRESH_MS = 1_000  # the container writes no more often


class S3Progress:
    """Reads it at most once a second for the job that was asked about last. It is news, so its absence is no error."""

    def __init__(self, client: Any, bucket: str, clock: Clock) -> None:
        self._client = client
        self._bucket = bucket
        self._clock = clock
        self._last: tuple[JobId, int, GenerationProgress | None] | None = None

    def read_progress(self, job_id: JobId) -> GenerationProgress | None:
        """Return what was written last, None when there is nothing or it cannot be read now."""
        now = self._clock()
        if self._last is not None and self._last[0] == job_id and now - self._last[1] < _FRESH_MS:
            return self._last[2]
        found = self._read(job_id)
        self._last = (job_id, now, found)
        return found

    def _read(self, job_id: JobId) -> GenerationProgress | None:
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=progress_key(job_id))["Body"].read(_MAX_BYTES)
            return from_json(GenerationProgress, body)
        except (BotoCoreError, ClientError, ContractError):
            return None
