"""How far a job is, as the container writes it to `jobs/{job_id}/progress.json` at most once a second.

A job that takes less than a second writes none, and none is written after the job has ended: it is news, not a record.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class GenerationProgress:
    """`step` of `steps` over all pictures of the job; `picture` of `pictures` are finished; `at` is UTC, ISO 8601."""

    step: int
    steps: int
    picture: int
    pictures: int
    at: str


def progress_key(job_id: str) -> str:
    """Where the progress of a job lies in the bucket."""
    return f"jobs/{job_id}/progress.json"
