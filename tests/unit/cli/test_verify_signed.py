"""Signed pictures: whole, altered in pixels or text, saved anew, by a signer nobody knows, after the certificate."""

from __future__ import annotations

import datetime
import io
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from afterimage_imaging import png, xmp
from afterimage_imaging.signing import C2paSigner
from afterimage_model.watermark import put_mark
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo
from typer.testing import Result

from cli.verification.findings import EXPIRED
from cli.verification.layers import _signature_from
from local.signing_key import new_signing_key

Run = Callable[..., Result]
FACTS = {"Software": "Afterimage", "model": "demo 1", "seed": "7", "prompt": "a boat", "watermark": "afterimage-1"}


@pytest.fixture(scope="module")
def signed() -> tuple[bytes, str]:
    """A picture as it is delivered, and the root that vouches for its signer."""
    picture = Image.new("RGB", (128, 128), "#3366cc")
    ImageDraw.Draw(picture).ellipse((20, 20, 80, 80), fill="#ddbb22")
    buffer = io.BytesIO()
    put_mark(picture).save(buffer, "PNG", pnginfo=PngInfo())
    secret, root = new_signing_key(datetime.datetime.now(datetime.UTC))
    sealed = png.rewritten(buffer.getvalue(), FACTS, xmp.packet(FACTS))
    return C2paSigner(secret, int(time.time())).sign(sealed, "image/png"), root


def written(body: bytes) -> str:
    Path("boat.png").write_bytes(body)
    return "boat.png"


def trusting(root: str) -> tuple[str, str]:
    Path("root.pem").write_text(root)
    return "--trust", "root.pem"


def chunks(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at < len(body):
        length, kind = struct.unpack(">I4s", body[at : at + 8])
        yield kind, body[at + 8 : at + 8 + length]
        at += 12 + length


def changed(body: bytes, change: Callable[[bytes, bytes], bytes]) -> bytes:
    """The file with other contents of its chunks and right checksums: what an editor does that keeps the manifest."""
    parts = [body[:8]]
    for kind, data in chunks(body):
        data = change(kind, data)
        parts.append(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))
    return b"".join(parts)


def with_a_stain(kind: bytes, data: bytes) -> bytes:
    if kind != b"IDAT":
        return data
    rows = bytearray(zlib.decompress(data))
    rows[-300:-3] = bytes(297)
    return zlib.compress(bytes(rows))


def test_a_delivered_picture_is_intact(run: Run, signed: tuple[bytes, str]) -> None:
    body, root = signed
    done = run("verify", *trusting(root), written(body))
    assert done.exit_code == 0, done.stdout
    assert "✓ fits the file; in the name of Afterimage development, made as trainedAlgorithmicMedia" in done.stdout
    assert "Made by a machine, and unchanged since Afterimage development signed it." in done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines() if " ✓ " in line] == [
        "signature",
        "source",
        "text",
        "watermark",
    ]


def test_the_root_of_the_local_cloud_is_found_by_itself(
    run: Run, signed: tuple[bytes, str], cloud_folder: Path
) -> None:
    body, root = signed
    (cloud_folder / "state" / "signing_root.pem").write_text(root)
    assert run("verify", written(body)).exit_code == 0


def test_without_a_root_nobody_vouches_for_the_signer(run: Run, signed: tuple[bytes, str]) -> None:
    _, other = new_signing_key(datetime.datetime.now(datetime.UTC))
    for options in ((), trusting(other)):
        done = run("verify", *options, written(signed[0]))
        assert done.exit_code == 4
        assert "nobody here vouches for that: anyone can sign so. Made by a machine all the same" in done.stdout


@pytest.mark.parametrize(
    "change",
    [with_a_stain, lambda kind, data: data.replace(b"a boat", b"a goat") if kind in (b"tEXt", b"iTXt") else data],
    ids=["pixels", "text"],
)
def test_pixels_or_text_that_were_altered_are_noticed(
    run: Run, signed: tuple[bytes, str], change: Callable[[bytes, bytes], bytes]
) -> None:
    body, root = signed
    other = changed(body, change)
    assert other != body
    done = run("verify", *trusting(root), written(other))
    assert done.exit_code == 1
    assert "✗ does not fit the file; in the name of Afterimage development" in done.stdout
    assert "Altered: this is not the file" in done.stdout
    assert "Its pixels still carry Afterimage's watermark." in done.stdout


def test_one_broken_byte_is_an_alteration_though_no_picture_can_be_shown(run: Run, signed: tuple[bytes, str]) -> None:
    body, root = signed
    at = body.rindex(b"IDAT") + 40
    done = run("verify", *trusting(root), written(body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]))
    assert (done.exit_code, "not looked for: the file is broken" in done.stdout) == (1, True)


def test_a_manifest_that_is_rubbish_is_an_alteration(run: Run, signed: tuple[bytes, str]) -> None:
    body, root = signed
    other = changed(body, lambda kind, data: data[:200] + bytes(len(data) - 200) if kind == b"caBX" else data)
    done = run("verify", *trusting(root), written(other))
    assert (done.exit_code, "✗ cannot be read" in done.stdout) == (1, True), done.stdout


def test_a_manifest_that_is_said_to_lie_elsewhere_is_neither_fetched_nor_a_signature(run: Run) -> None:
    pointing = PngInfo()
    there = "http://127.0.0.1:9/manifest.c2pa"
    pointing.add_itxt(
        "XML:com.adobe.xmp",
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:dcterms="http://purl.org/dc/terms/" '
        f'dcterms:provenance="{there}"/></rdf:RDF></x:xmpmeta>',
    )
    buffer = io.BytesIO()
    Image.new("RGB", (128, 128), "#3366cc").save(buffer, "PNG", pnginfo=pointing)
    done = run("verify", written(buffer.getvalue()))
    assert (done.exit_code, "– no C2PA manifest" in done.stdout) == (3, True), done.stdout


def test_a_file_that_never_was_signed_is_not_called_altered(run: Run) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (128, 128), "#3366cc").save(buffer, "PNG")
    assert run("verify", written(buffer.getvalue()[:-12])).exit_code in (3, 5)


def test_a_photograph_with_a_second_picture_is_read(run: Run) -> None:
    photograph, preview = Image.new("RGB", (128, 128), "#3366cc"), Image.new("RGB", (64, 64), "#3366cc")
    photograph.save("camera.jpg", "MPO", save_all=True, append_images=[preview])
    assert run("verify", "camera.jpg").exit_code == 3


def test_half_a_surrogate_pair_breaks_no_document(run: Run) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b'ASCII\0\0\0{"Software": "Afterimage", "seed": "\\ud800"}'
    Image.new("RGB", (128, 128), "#3366cc").save("half.jpg", exif=exif)
    done = run("verify", "--json", "half.jpg")
    assert (done.exit_code, '"seed": "?"' in done.stdout) == (4, True), done.stdout


def test_a_signed_picture_that_is_saved_anew_keeps_its_watermark_and_nothing_else(
    run: Run, signed: tuple[bytes, str]
) -> None:
    body, root = signed
    Image.open(io.BytesIO(body)).convert("RGB").resize((64, 64)).save("small.jpg", quality=75)
    done = run("verify", *trusting(root), "small.jpg")
    assert done.exit_code == 4
    assert "– no C2PA manifest" in done.stdout
    assert "✓ afterimage-1, 50% of the size it was made in" in done.stdout


def test_a_certificate_that_has_ended_is_told_of_the_signer_and_not_of_the_file() -> None:
    store = {
        "active_manifest": "m",
        "manifests": {"m": {"signature_info": {"common_name": "Ada"}, "assertions": []}},
        "validation_results": {"activeManifest": {"failure": [{"code": EXPIRED}]}},
        "validation_state": "Invalid",
    }
    signature = _signature_from(store)
    assert (signature.signer, signature.fits, signature.known, signature.problems) == ("Ada", True, False, (EXPIRED,))
