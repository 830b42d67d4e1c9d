"""What SealPictures leaves for ReviewImages: `quarantine/{job}/{attempt}/sealed/sealed.json`.

It is written by imaging/, which shares no code with this package; `events/sealed_pictures.json` is the example that
both sides are tested against. A copy is named by its digest, so what a key holds never changes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from afterimage.contracts.generation import GenerationResult

_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class SealedCopy:
    """One file: `sha256` is the hex digest of it, and its name."""

    key: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class SealedPicture:
    """Both copies of a picture; `source_sha256` is the digest of the container's file that they were made from.

    `own` has everything, `share` neither prompt nor anything that names the request.
    """

    number: int
    source_sha256: str
    own: SealedCopy
    share: SealedCopy


@dataclass(frozen=True, kw_only=True)
class SealedPictures:
    """All of an attempt. `certificate_sha256` names the certificate that signed, None where nobody did."""

    job_id: str
    attempt_id: str
    certificate_sha256: str | None
    pictures: tuple[SealedPicture, ...]

    def is_of(self, result: GenerationResult, folder: str) -> bool:
        """Tell whether this is about the very pictures of `result`, and names nothing but copies below `folder`."""
        sources = [(number, image.sha256) for number, image in enumerate(result.images)]
        copies = [copy for picture in self.pictures for copy in (picture.own, picture.share)]
        return (
            self.job_id == result.job_id
            and [(picture.number, picture.source_sha256) for picture in self.pictures] == sources
            and all(_DIGEST.fullmatch(copy.sha256) for copy in copies)
            and all(copy.key == f"{folder}sealed/{copy.sha256}.png" for copy in copies)
        )


def sealed_key(job_id: str, attempt_id: str) -> str:
    """Return where the document of an attempt lies."""
    return f"quarantine/{job_id}/{attempt_id}/sealed/sealed.json"
