"""The dates of a certificate, read from its DER: a library for X.509 would weigh more than everything else here."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
_LONG = 0x80
_GENERALIZED_TIME = 0x18


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """When it begins and ends, in seconds since 1970, and its SHA-256, by which it is known."""

    sha256: str
    begins_at_s: int
    ends_at_s: int


def first_certificate(pem: str) -> Certificate:
    """Return the first certificate of a chain, the one that signs. Raises ValueError for what is none."""
    found = _PEM.search(pem)
    if found is None:
        raise ValueError("no certificate")
    try:
        der = base64.b64decode(found[1])
        # Certificate → TBSCertificate → [0] version, serialNumber, signature, issuer, validity (RFC 5280, 4.1).
        fields = _members(_members(_members(der)[0][1])[0][1])
        validity = _members(fields[4][1])
        begins, ends = (_moment(tag, text) for tag, text in validity)
    except IndexError as exc:
        raise ValueError("not a certificate") from exc
    return Certificate(sha256=hashlib.sha256(der).hexdigest(), begins_at_s=begins, ends_at_s=ends)


def _members(der: bytes) -> list[tuple[int, bytes]]:
    """Return tag and content of each value that stands in `der` behind each other."""
    found, at = [], 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length >= _LONG:
            size = length - _LONG
            length, at = int.from_bytes(der[at : at + size], "big"), at + size
        found.append((tag, der[at : at + length]))
        at += length
    return found


def _moment(tag: int, text: bytes) -> int:
    # UTCTime has two digits of a year, those from 50 on are of the last century (RFC 5280, 4.1.2.5.1).
    digits = text.decode("ascii")
    century = "" if tag == _GENERALIZED_TIME else "19" if digits[0] >= "5" else "20"
    return int(datetime.strptime(century + digits, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp())
