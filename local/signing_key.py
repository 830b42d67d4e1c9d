"""A key that signs pictures on a laptop, with a root of its own, kept with the state and made anew in time.

Nobody but this machine trusts the root, and it is thrown away with its key: what is signed here proves nothing to
others. `docs/provenance.md` has how an operator gets a certificate that does.
"""

from __future__ import annotations

import datetime
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from local.environment import root_client
from local.settings import Settings

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

SECRET_NAME = "afterimage-signing-key"  # nosec B105
LASTS = datetime.timedelta(days=90)
LEAST_LEFT = datetime.timedelta(days=31)  # SigningCertificateAlarm rings at thirty


def stored_signing_key(settings: Settings) -> str:
    """Put the key into the emulator's Secrets Manager and return the secret's ARN."""
    client = root_client(settings, "secretsmanager")
    secret = kept_signing_key(settings, datetime.datetime.now(datetime.UTC))
    try:
        found = client.get_secret_value(SecretId=SECRET_NAME)
    except client.exceptions.ResourceNotFoundException:
        return str(client.create_secret(Name=SECRET_NAME, SecretString=secret)["ARN"])
    if found["SecretString"] != secret:
        client.put_secret_value(SecretId=SECRET_NAME, SecretString=secret)
    return str(found["ARN"])


def kept_signing_key(settings: Settings, now: datetime.datetime) -> str:
    """Return the secret's text, the one of last time unless it is about to end."""
    path = settings.state / "signing_key.json"
    try:
        secret = path.read_text()
        if datetime.datetime.fromisoformat(json.loads(secret)["ends_at"]) - now > LEAST_LEFT:
            return secret
    except (FileNotFoundError, ValueError, KeyError):
        pass
    secret, root = new_signing_key(now)
    # The root first, so that no key is without it; what earlier ones signed is still vouched for.
    roots = root_file(settings)
    _keep(roots, root + (roots.read_text() if roots.exists() else ""))
    _keep(path, secret)
    return secret


def root_file(settings: Settings) -> Path:
    """The certificates to trust when a picture of this cloud is verified."""
    return settings.state / "signing_root.pem"


def new_signing_key(now: datetime.datetime, lasts: datetime.timedelta = LASTS) -> tuple[str, str]:
    """Return the secret's text and the root's certificate in PEM. The root's key is gone when this returns."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, name = "Afterimage development root", "Afterimage development"
    dates = now - datetime.timedelta(minutes=5), now + lasts
    root = _signed(root_name, root_name, root_key.public_key(), root_key, dates, is_authority=True)
    leaf = _signed(name, root_name, key.public_key(), root_key, dates, is_authority=False)
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    chain: tuple[x509.Certificate, ...] = (leaf, root)
    secret = {
        "private_key": private.decode(),
        "certificate_chain": "".join(certificate.public_bytes(pem).decode() for certificate in chain),
        "algorithm": "es256",
        "ends_at": leaf.not_valid_after_utc.isoformat(),
    }
    return json.dumps(secret), root.public_bytes(pem).decode()


def _signed(
    name: str,
    issuer: str,
    public_key: EllipticCurvePublicKey,
    issuer_key: EllipticCurvePrivateKey,
    dates: tuple[datetime.datetime, datetime.datetime],
    *,
    is_authority: bool,
) -> x509.Certificate:
    """What C2PA asks of a certificate that signs: version 3, key usage critical, e-mail protection, no authority."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def distinguished(common_name: str) -> x509.Name:
        organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Afterimage development")
        return x509.Name([organization, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])

    usage = x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(distinguished(name))
        .issuer_name(distinguished(issuer))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(dates[0])
        .not_valid_after(dates[1])
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=0 if is_authority else None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if not is_authority:
        purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purposes, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _keep(path: Path, text: str) -> None:
    """Write what nobody else may read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    temporary.replace(path)
