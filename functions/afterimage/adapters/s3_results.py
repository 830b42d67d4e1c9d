"""What the container and SageMaker wrote about an inference, read from S3 within our own bucket and prefixes only."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from afterimage.adapters.aws import error_code, unavailable_as
from afterimage.contracts.codec import ContractError, from_document, from_json
from afterimage.contracts.generation import GenerationResult, ModelError, ModelProblem
from afterimage.contracts.sealing import SealedPictures, sealed_key
from afterimage.domain.errors import InvalidResultError, StoreUnavailableError
from afterimage.domain.job import JobId

# To whoever may not list the bucket, and none of our functions may, S3 says of a missing object that it is forbidden.
# A HEAD has no body to say so in, hence the bare numbers.
_MISSING = frozenset({"NoSuchKey", "404", "AccessDenied", "403"})
_MAX_BYTES = 1_000_000  # a result without inline pictures is a few kilobytes


class S3Results:
    """Implements `ports.Results`."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def read_result(self, location: str) -> GenerationResult:
        """Return the result document. Raises InvalidResultError when it is missing, foreign or not of the shape."""
        try:
            return from_json(GenerationResult, self._read(location, "inference/output/"))
        except (ContractError, FileNotFoundError) as exc:
            raise InvalidResultError() from exc

    def read_sealed(self, job_id: JobId, attempt_id: str) -> SealedPictures:
        """Return the document of the sealed copies. Raises InvalidResultError when it is missing or misshapen."""
        location = f"s3://{self._bucket}/{sealed_key(job_id, attempt_id)}"
        try:
            return from_json(SealedPictures, self._read(location, f"quarantine/{job_id}/{attempt_id}/sealed/"))
        except (ContractError, FileNotFoundError) as exc:
            raise InvalidResultError() from exc

    def read_problem(self, location: str | None) -> ModelProblem | None:
        """Return the container's own words, None when there are none: SageMaker writes other texts there as well."""
        if not location:
            return None
        try:
            return from_document(ModelError, _own_words(self._read(location, "inference/failure/"))).error
        except (ValueError, FileNotFoundError):  # ContractError is a ValueError
            return None

    def exists(self, location: str) -> bool:
        """Tell whether SageMaker has written there; False for every place that is not for its results."""
        own = f"s3://{self._bucket}/"
        if not location.startswith((f"{own}inference/output/", f"{own}inference/failure/")):
            return False
        try:
            with unavailable_as(StoreUnavailableError):
                self._client.head_object(Bucket=self._bucket, Key=location.removeprefix(own))
        except ClientError as exc:
            if error_code(exc) in _MISSING:
                return False
            raise
        return True

    def _read(self, location: str, prefix: str) -> bytes:
        start = f"s3://{self._bucket}/{prefix}"
        if not location.startswith(start):
            raise FileNotFoundError(prefix)
        try:
            with unavailable_as(StoreUnavailableError):
                key = location.removeprefix(f"s3://{self._bucket}/")
                body: bytes = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read(_MAX_BYTES + 1)
        except ClientError as exc:
            if error_code(exc) in _MISSING:
                raise FileNotFoundError(prefix) from exc
            raise
        if len(body) > _MAX_BYTES:
            raise FileNotFoundError(prefix)
        return body


def _own_words(body: bytes) -> object:
    """Return the container's JSON, also from inside the sentence that SageMaker may wrap around it."""
    text = body.decode("utf-8", "replace")
    start = max(text.find('{"error"'), 0)
    return json.JSONDecoder().raw_decode(text[start:].lstrip())[0]
