"""The key of a laptop's own: kept, made anew in time, and what C2PA asks of a certificate."""

from __future__ import annotations

import datetime
import json
import stat
from pathlib import Path

import pytest
from afterimage_imaging.certificate import first_certificate
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from local.settings import Settings
from local.signing_key import LASTS, LEAST_LEFT, kept_signing_key, new_signing_key, root_file

NOW = datetime.datetime(2026, 11, 22, 12, 0, tzinfo=datetime.UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment({"AFTERIMAGE_STATE": str(tmp_path)})


def chain_of(secret: str) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(json.loads(secret)["certificate_chain"].encode())


def test_the_key_is_kept_and_nobody_else_may_read_it(settings: Settings) -> None:
    first = kept_signing_key(settings, NOW)
    assert kept_signing_key(settings, NOW + LASTS - LEAST_LEFT - datetime.timedelta(days=1)) == first
    for path in (settings.state / "signing_key.json", root_file(settings)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("left", [LEAST_LEFT, datetime.timedelta(0), -datetime.timedelta(days=400)])
def test_a_key_that_is_about_to_end_is_made_anew_with_its_root(settings: Settings, left: datetime.timedelta) -> None:
    first, root = kept_signing_key(settings, NOW), root_file(settings).read_text()
    assert kept_signing_key(settings, NOW + LASTS - left) != first
    assert root_file(settings).read_text() != root


@pytest.mark.parametrize("text", ["", "{}", "not json", '{"ends_at": "soon"}'])
def test_a_file_that_was_damaged_is_made_anew(settings: Settings, text: str) -> None:
    kept_signing_key(settings, NOW)
    (settings.state / "signing_key.json").write_text(text)
    assert json.loads(kept_signing_key(settings, NOW))["algorithm"] == "es256"


def test_the_certificate_may_sign_and_nothing_else_and_the_root_vouches_for_it() -> None:
    secret, root = new_signing_key(NOW)
    leaf, authority = chain_of(secret)
    leaf.verify_directly_issued_by(authority)
    assert authority.public_bytes(serialization.Encoding.PEM).decode() == root
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage)
    assert (usage.critical, usage.value.digital_signature, usage.value.key_cert_sign) == (True, True, False)
    purposes = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.EMAIL_PROTECTION]
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


@pytest.mark.parametrize("years", [1, 20, 23, 24, 40])
def test_the_dates_of_a_certificate_are_read_as_a_library_reads_them(years: int) -> None:
    """From 2050 on a certificate writes its years in full."""
    secret, _ = new_signing_key(NOW, datetime.timedelta(days=365 * years + 10))
    (leaf, _) = chain_of(secret)
    found = first_certificate(json.loads(secret)["certificate_chain"])
    assert found.begins_at_s == leaf.not_valid_before_utc.timestamp()
    assert found.ends_at_s == leaf.not_valid_after_utc.timestamp()
    assert found.sha256 == leaf.fingerprint(hashes.SHA256()).hex()
