"""The SageMaker asynchronous endpoint: the job document goes to S3, its key to the endpoint."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from afterimage.adapters.aws import error_code, unavailable_as
from afterimage.contracts.codec import to_json
from afterimage.contracts.generation import IMG2IMG, TXT2IMG, GenerationJob
from afterimage.domain.errors import EngineUnavailableError, GenerationFailedError, StoreUnavailableError
from afterimage.domain.job import Attempt, Job, input_key
from afterimage.ports import StartedInference


class SagemakerAsyncEngine:
    """Implements `ports.Engine`. `request_ttl_s` bounds the wait in the queue, `invocation_timeout_s` the work."""

    def __init__(
        self, runtime: Any, s3: Any, *, bucket: str, endpoint_name: str, request_ttl_s: int, invocation_timeout_s: int
    ) -> None:
        self._runtime = runtime
        self._s3 = s3
        self._bucket = bucket
        self._endpoint_name = endpoint_name
        self._request_ttl_s = request_ttl_s
        self._invocation_timeout_s = invocation_timeout_s

    def start(self, job: Job, attempt: Attempt) -> StartedInference:
        """Write the job document and invoke.

        Raises EngineUnavailableError, StoreUnavailableError, or GenerationFailedError for a missing endpoint.
        """
        key = f"jobs/{job.job_id}/{attempt.attempt_id}.json"
        document = to_json(self._document(job, attempt)).encode()
        with unavailable_as(StoreUnavailableError):
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=document, ContentType="application/json")
        try:
            with unavailable_as(EngineUnavailableError):
                answer = self._runtime.invoke_endpoint_async(
                    EndpointName=self._endpoint_name,
                    ContentType="application/json",
                    Accept="application/json",
                    InferenceId=attempt.inference_id,
                    InputLocation=f"s3://{self._bucket}/{key}",
                    RequestTTLSeconds=self._request_ttl_s,
                    InvocationTimeoutSeconds=self._invocation_timeout_s,
                )
        except ClientError as exc:
            if error_code(exc) == "ValidationError":  # above all: there is no such endpoint
                raise GenerationFailedError(code="endpoint_missing") from exc
            raise
        return StartedInference(
            output_location=answer["OutputLocation"], failure_location=answer.get("FailureLocation", "")
        )

    def _document(self, job: Job, attempt: Attempt) -> GenerationJob:
        return GenerationJob(
            job_id=job.job_id,
            prompt=job.spec.model_prompt,
            negative_prompt=job.spec.negative_prompt,
            width=job.spec.width,
            height=job.spec.height,
            steps=job.spec.steps,
            guidance=job.spec.guidance,
            scheduler=job.spec.scheduler,
            seeds=job.spec.seeds,
            mode=TXT2IMG if job.spec.input is None else IMG2IMG,
            input_key=None if job.spec.input is None else input_key(job.job_id),
            strength=job.spec.strength,
            adapter=job.spec.adapter,
            output_prefix=f"s3://{self._bucket}/quarantine/{job.job_id}/{attempt.attempt_id}/",
        )
