"""State SealPictures: each picture of an attempt gets what it says about itself, twice, and both are signed.

The owner's copy keeps the prompt; the share copy has nothing that names what was asked, by whom or in which request.
Pixels are the container's, byte for byte. A copy is named by its digest, so no repeat changes what another run has
seen; `sealed.json` comes last and says which copies count.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from afterimage_imaging import png, xmp
from afterimage_imaging.signing import Signer, SigningKeys
from afterimage_imaging.storage import CONFIG, Files, ImagingError, keeping_secrets, tell

# A share copy says how the picture was made and nothing else: a name that nobody thought of stays out.
SHARED = ("Software", "seed", "steps", "guidance", "scheduler", "strength", "size", "model", "watermark")
_DAY_S = 86_400


class InvalidResultError(ImagingError):
    """The job's document or a picture is not there, or is not what it should be."""


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    files: Files
    keys: SigningKeys


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    secrets = boto3.client("secretsmanager", config=CONFIG)
    return Dependencies(
        files=Files(client=boto3.client("s3", config=CONFIG), bucket=os.environ["BUCKET_NAME"]),
        keys=SigningKeys(client=secrets, arn=os.environ["SIGNING_SECRET_ARN"], clock_s=time.time),
    )


def handle(event: dict[str, Any], deps: Dependencies) -> dict[str, str]:
    """Seal the pictures of `{"job_id", "attempt_id"}`, write `sealed.json` and return the ids."""
    ids = {name: str(event[name]) for name in ("job_id", "attempt_id")}
    job = _job(ids, deps.files)
    signer = deps.keys.current()
    folder = f"quarantine/{ids['job_id']}/{ids['attempt_id']}/"
    pictures: list[dict[str, Any]] = []
    # Fewer than were asked for are no success, and review finds that out; from a flagged input picture none is made.
    while len(pictures) < len(job["seeds"]) and (body := deps.files.read(f"{folder}{len(pictures)}.png")) is not None:
        pictures.append(_seal(len(pictures), body, job, folder, signer, deps.files))
    certificate = signer.certificate if signer else None
    document = {**ids, "certificate_sha256": certificate.sha256 if certificate else None, "pictures": pictures}
    deps.files.write(f"{folder}sealed/sealed.json", json.dumps(document).encode(), "application/json")
    tell("pictures sealed", ids["job_id"], pictures=len(pictures), signed=certificate is not None)
    if certificate:
        measure("SigningCertificateDays", int(certificate.ends_at_s - deps.keys.clock_s()) // _DAY_S)
    return {"job_id": ids["job_id"], "attempt_id": ids["attempt_id"]}


def _job(ids: Mapping[str, str], files: Files) -> dict[str, Any]:
    """Return the job document that StartGeneration wrote (`GenerationJob`)."""
    body = files.read(f"jobs/{ids['job_id']}/{ids['attempt_id']}.json")
    if body is None:
        raise InvalidResultError()
    job: dict[str, Any] = json.loads(body)
    return job


def _seal(
    number: int, body: bytes, job: Mapping[str, Any], folder: str, signer: Signer | None, files: Files
) -> dict[str, Any]:
    try:
        own = png.read_text(body)
        own |= {name: text for name, text in _asked_for(job, number).items() if name not in own}
        shared = {name: own[name] for name in SHARED if name in own}
        copies = {
            name: png.rewritten(body, facts, xmp.packet(facts)) for name, facts in (("own", own), ("share", shared))
        }
    except png.NotPngError as exc:
        raise InvalidResultError() from exc
    return {
        "number": number,
        "source_sha256": hashlib.sha256(body).hexdigest(),
        **{name: _store(copy, folder, signer, files) for name, copy in copies.items()},
    }


def _asked_for(job: Mapping[str, Any], number: int) -> dict[str, str]:
    """What was asked for, in the container's words: an engine of somebody else writes nothing into its pictures."""
    facts = {
        name: job.get(name) for name in ("prompt", "negative_prompt", "steps", "guidance", "scheduler", "strength")
    }
    facts |= {"Software": xmp.TOOL, "seed": job["seeds"][number]}
    return {name: str(value) for name, value in facts.items() if value not in (None, "")}


def _store(copy: bytes, folder: str, signer: Signer | None, files: Files) -> dict[str, Any]:
    sealed = signer.sign(copy, png.CONTENT_TYPE) if signer else copy
    digest = hashlib.sha256(sealed).hexdigest()
    key = f"{folder}sealed/{digest}.png"
    files.write(key, sealed, png.CONTENT_TYPE)
    return {"key": key, "size_bytes": len(sealed), "sha256": digest}


def measure(metric: str, value: int) -> None:
    """Print a metric as CloudWatch reads it from a log (embedded metric format)."""
    service = os.environ.get("POWERTOOLS_SERVICE_NAME", "afterimage")
    definition = {
        "Namespace": "Afterimage",
        "Dimensions": [["service"]],
        "Metrics": [{"Name": metric, "Unit": "Count"}],
    }
    told = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [definition]}
    sys.stdout.write(json.dumps({"_aws": told, "service": service, metric: value}) + "\n")


@keeping_secrets("job_id")
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """Entry point of SealPicturesFunction."""
    return handle(event, dependencies())
