"""Input pictures in the bucket: a form to send one with, a look at it, the job's own copy, and the erasing."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from botocore.exceptions import ClientError

from afterimage.adapters.aws import error_code, unavailable_as
from afterimage.adapters.s3_erasing import delete, keys_below
from afterimage.domain.errors import InputGoneError, StoreUnavailableError, UploadNotFoundError
from afterimage.domain.job import InputPicture, Job, input_key
from afterimage.domain.uploads import (
    FORM_TTL_S,
    HEAD_BYTES,
    MAX_INPUT_BYTES,
    UploadId,
    is_living_upload,
    kind_of,
    upload_key,
    uploads_prefix,
)

# To whoever may not list the bucket S3 says of a missing object that it is forbidden; a HEAD has no body to say so in.
_MISSING = frozenset({"NoSuchKey", "404", "AccessDenied", "403"})
_CHANGED = frozenset({"PreconditionFailed", "412"})


class S3Uploads:
    """Implements `ports.Uploads`. The form needs a client with `s3_gallery.PRESIGN_CONFIG`."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def form(self, owner: str, upload_id: UploadId, content_type: str) -> tuple[str, dict[str, str]]:
        """Return address and fields of a form. S3 itself refuses another key, another type and a larger file."""
        form = self._client.generate_presigned_post(
            Bucket=self._bucket,
            Key=upload_key(owner, upload_id),
            Fields={"Content-Type": content_type},
            Conditions=[{"Content-Type": content_type}, ["content-length-range", 1, MAX_INPUT_BYTES]],
            ExpiresIn=FORM_TTL_S,
        )
        return str(form["url"]), dict(form["fields"])

    def find(self, owner: str, upload_id: str, now_ms: int) -> InputPicture:
        """Look at the beginning of an upload. Raises UploadNotFoundError, and InvalidRequestError for no picture."""
        if not is_living_upload(upload_id, now_ms):
            raise UploadNotFoundError()
        place = {"Bucket": self._bucket, "Key": upload_key(owner, upload_id)}
        try:
            with unavailable_as(StoreUnavailableError):
                answer = self._client.get_object(**place, Range=f"bytes=0-{HEAD_BYTES - 1}")
                head = answer["Body"].read()
        except ClientError as exc:
            if error_code(exc) in _MISSING:
                raise UploadNotFoundError() from exc
            raise
        size = int(answer["ContentRange"].rpartition("/")[2])
        return InputPicture(upload=upload_id, etag=answer["ETag"], size_bytes=size, content_type=kind_of(head))

    def take(self, job: Job) -> None:
        """Copy the upload to the job's folder; a copy that is there is as good. Raises InputGoneError."""
        picture = job.spec.input
        if picture is None or self._is_there(input_key(job.job_id)):
            return
        try:
            with unavailable_as(StoreUnavailableError):
                self._client.copy_object(
                    Bucket=self._bucket,
                    Key=input_key(job.job_id),
                    CopySource={"Bucket": self._bucket, "Key": upload_key(job.owner, picture.upload)},
                    CopySourceIfMatch=picture.etag,
                    TaggingDirective="REPLACE",
                    Tagging=urlencode({"job": job.job_id, "origin": "upload"}),
                )
        except ClientError as exc:
            if error_code(exc) in _MISSING | _CHANGED:
                raise InputGoneError() from exc
            raise

    def erase(self, owner: str, upload_id: str) -> None:
        """Delete an upload; one that is gone already is as good."""
        delete(self._client, self._bucket, [upload_key(owner, upload_id)])

    def erase_all(self, owner: str) -> None:
        """Delete every upload of an owner."""
        delete(self._client, self._bucket, [*keys_below(self._client, self._bucket, uploads_prefix(owner))])

    def _is_there(self, key: str) -> bool:
        try:
            with unavailable_as(StoreUnavailableError):
                self._client.head_object(Bucket=self._bucket, Key=key)
        except ClientError as exc:
            if error_code(exc) in _MISSING:
                return False
            raise
        return True
