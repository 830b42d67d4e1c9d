"""The short link of a mail: a secret that is stored only as its hash, so a read of the table opens nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass

from afterimage.domain.job import JobId

TOKEN_BYTES = 32  # 256 bits
MAX_LINKS = 100  # living ones of one job, the mailed among them
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, kw_only=True)
class Link:
    """One link to one picture, or to a file of a campaign, whose id then stands for the job's. It dies at
    `expires_at_s` or when `revoked`, whatever a presigned URL behind it does."""

    token_hash: str
    job_id: JobId
    key: str
    created_at_ms: int
    expires_at_s: int
    revoked: bool = False


@dataclass(frozen=True, kw_only=True)
class SharedPicture:
    """A picture by its number, and the address that opens it until then. It is told once: only its hash is kept."""

    number: int
    url: str
    expires_at_s: int


def link_token(entropy: bytes) -> str:
    """Return `entropy` (32 bytes) as the 43 characters that stand in the URL."""
    return base64.urlsafe_b64encode(entropy).rstrip(b"=").decode("ascii")


def is_link_token(text: str) -> bool:
    """True for the form of a link token; saves a look-up for anything else."""
    return _TOKEN.fullmatch(text) is not None


def hash_token(token: str) -> str:
    """Return the SHA-256 of a token in hex. No salt: the token is 256 random bits, there is nothing to guess."""
    return hashlib.sha256(token.encode("ascii")).hexdigest()
