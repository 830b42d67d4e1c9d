"""What SealPictures leaves for a result, without any bytes."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

from afterimage.contracts.generation import GenerationResult
from afterimage.contracts.sealing import SealedCopy, SealedPicture, SealedPictures


def sealed(result: GenerationResult, attempt_id: str = "a" * 16, **changes: Any) -> SealedPictures:
    """Return what SealPictures leaves for a result."""

    def copy(number: int, kind: str, size_bytes: int) -> SealedCopy:
        digest = hashlib.sha256(f"{kind} {number}".encode()).hexdigest()
        key = f"quarantine/{result.job_id}/{attempt_id}/sealed/{digest}.png"
        return SealedCopy(key=key, size_bytes=size_bytes, sha256=digest)

    document = SealedPictures(
        job_id=result.job_id,
        attempt_id=attempt_id,
        certificate_sha256="c" * 64,
        pictures=tuple(
            SealedPicture(
                number=number,
                source_sha256=image.sha256,
                own=copy(number, "own", 4000 + number),
                share=copy(number, "share", 3000 + number),
            )
            for number, image in enumerate(result.images)
        ),
    )
    return dataclasses.replace(document, **changes)
