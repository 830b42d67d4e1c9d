"""The manifest: what C2PA says of a picture, signed by a key that Secrets Manager keeps.

The key is read once in a few minutes, so a rotation is noticed without a deployment; it is never written or logged.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from afterimage_imaging.certificate import Certificate, first_certificate
from afterimage_imaging.storage import ImagingError
from afterimage_imaging.xmp import SOURCE_TYPE, TOOL

KEY_LASTS_S = 300
# A thumbnail would be a second picture in the file; reading what was just signed finds a key that fits no certificate.
_SETTINGS = {"builder": {"thumbnail": {"enabled": False}}, "verify": {"verify_after_sign": True}}
_MANIFEST = {
    "claim_generator_info": [{"name": TOOL}],
    "assertions": [
        {
            "label": "c2pa.actions.v2",
            "data": {
                "actions": [
                    {"action": "c2pa.created", "digitalSourceType": SOURCE_TYPE, "softwareAgent": {"name": TOOL}}
                ]
            },
        }
    ],
}
_REFUSED = frozenset(
    {"AccessDeniedException", "ResourceNotFoundException", "InvalidRequestException", "DecryptionFailure"}
)


class SigningKeyUnavailableError(ImagingError):
    """Secrets Manager throttles or does not answer. The state retries this name."""


class SigningKeyInvalidError(ImagingError):
    """The secret may not be read, is not of the shape, or its certificate has ended: final until it is mended."""


class SealingFailedError(ImagingError):
    """The library did not sign."""


class Signer(Protocol):
    """What signs, and by which certificate."""

    @property
    def certificate(self) -> Certificate:
        """The one that signs."""

    def sign(self, body: bytes, content_type: str) -> bytes:
        """Return the picture with a manifest inside. Raises SealingFailedError."""


class C2paSigner:
    """Signs with the C2PA library. No time-stamp authority is asked: nothing leaves the function."""

    def __init__(self, secret: str, now_s: int) -> None:
        """`secret` is JSON: `private_key` (PKCS #8) and `certificate_chain` in PEM, the signing one first, and
        `algorithm`. Raises SigningKeyInvalidError."""
        import c2pa  # only here: it loads 23 MB, for which a stack without a key has no use

        self._c2pa = c2pa
        try:
            parts = json.loads(secret)
            chain, key, algorithm = (str(parts[name]) for name in ("certificate_chain", "private_key", "algorithm"))
            self.certificate = first_certificate(chain)
            info = c2pa.C2paSignerInfo(algorithm, chain.encode("ascii"), key.encode("ascii"), None)
            self._signer = c2pa.Signer.from_info(info)
        except (ValueError, KeyError, TypeError, c2pa.C2paError):
            raise SigningKeyInvalidError() from None  # its words may quote the secret
        if not self.certificate.begins_at_s <= now_s < self.certificate.ends_at_s:
            raise SigningKeyInvalidError()
        self._context = c2pa.Context.from_dict(_SETTINGS)

    def sign(self, body: bytes, content_type: str) -> bytes:
        """Return the picture with a manifest inside. Raises SealingFailedError."""
        signed = io.BytesIO()
        try:
            builder = self._c2pa.Builder(json.dumps(_MANIFEST), context=self._context)
            builder.sign(self._signer, content_type, io.BytesIO(body), signed)
        except self._c2pa.C2paError:
            raise SealingFailedError() from None
        return signed.getvalue()


@dataclass
class SigningKeys:
    """The signer of now. `arn` names its secret; where it is empty, nobody signs."""

    client: Any
    arn: str
    clock_s: Callable[[], float]
    make: Callable[[str, int], Signer] = C2paSigner
    _signer: Signer | None = None
    _until_s: float = 0

    def current(self) -> Signer | None:
        """Return the signer, None without a key. Raises SigningKeyUnavailableError or SigningKeyInvalidError."""
        if not self.arn:
            return None
        now_s = self.clock_s()
        if self._signer is None or now_s >= self._until_s:
            self._signer = self.make(self._secret(), int(now_s))
            self._until_s = min(now_s + KEY_LASTS_S, self._signer.certificate.ends_at_s)
        return self._signer

    def _secret(self) -> str:
        try:
            return str(self.client.get_secret_value(SecretId=self.arn)["SecretString"])
        except ClientError as exc:
            if exc.response["Error"]["Code"] in _REFUSED:
                raise SigningKeyInvalidError() from None
            raise SigningKeyUnavailableError() from None
        except BotoCoreError:
            raise SigningKeyUnavailableError() from None
        except KeyError:  # a secret of bytes
            raise SigningKeyInvalidError() from None
