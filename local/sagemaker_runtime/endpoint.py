"""What SageMaker's endpoint configuration says, as far as the runtime needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One asynchronous endpoint. Output and failure paths are `s3://bucket/prefix` without a closing slash."""

    name: str
    arn: str
    role_arn: str
    container_url: str
    output_path: str
    failure_path: str
    success_topic_arn: str
    error_topic_arn: str
    concurrency: int = 1  # MaxConcurrentInvocationsPerInstance

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Endpoint:
        """Read a decoded JSON object. Raises ValueError naming what is missing or unknown."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(document) - known):
            raise ValueError(f"unknown fields: {', '.join(unknown)}")
        if missing := sorted(known - {"concurrency"} - set(document)):
            raise ValueError(f"missing fields: {', '.join(missing)}")
        return cls(**document)
