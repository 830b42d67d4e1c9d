"""What picture files say of their making: layer by layer, in one sentence, and as an exit code."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from afterimage_model.watermark import put_mark
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo
from typer.testing import Result

from cli.verification import files as reading
from cli.verification.findings import EXPIRED, Findings, Report, Signature, Verdict, Watermark, exit_code, judge
from cli.verification.layers import MOST_BYTES, Refused, read

Run = Callable[..., Result]
FACTS = {"Software": "Afterimage", "model": "demo 1", "seed": "7", "prompt": "a boat", "watermark": "afterimage-1"}
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><Iptc4xmpExt:DigitalSourceType>'
    "http://cv.iptc.org/newscodes/digitalsourcetype/{}</Iptc4xmpExt:DigitalSourceType></x:xmpmeta>"
)


def drawing(side: int = 128) -> Image.Image:
    picture = Image.new("RGB", (side, side), "#3366cc")
    ImageDraw.Draw(picture).ellipse((side // 4, side // 4, side // 2, side // 2), fill="#ddbb22")
    return picture


MARKED = put_mark(drawing())


def png(picture: Image.Image, facts: dict[str, str] | None = None, source_type: str = "") -> bytes:
    text = PngInfo()
    for name, value in (facts or {}).items():
        text.add_text(name, value)
    if source_type:
        text.add_itxt("XML:com.adobe.xmp", XMP.format(source_type))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", pnginfo=text)
    return buffer.getvalue()


def jpeg(picture: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=75, **options)
    return buffer.getvalue()


def written(name: str, body: bytes) -> str:
    Path(name).write_bytes(body)
    return name


def test_a_picture_as_the_container_leaves_it_is_marked_and_nothing_shows_whether_it_was_altered(run: Run) -> None:
    done = run("verify", written("boat.png", png(MARKED, FACTS, "trainedAlgorithmicMedia")))
    assert done.exit_code == 4
    assert "✓ demo 1, seed 7, “a boat”" in done.stdout
    assert "✓ trainedAlgorithmicMedia, in XMP" in done.stdout
    assert "✓ afterimage-1 (score" in done.stdout
    assert "– no C2PA manifest" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("Made by a machine: the pixels carry Afterimage's watermark.")


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("small.jpg", jpeg(MARKED)),
        ("half.png", png(MARKED.resize((64, 64)))),
        ("cut.png", png(MARKED.crop((12, 0, 128, 128)))),
    ],
)
def test_a_picture_that_was_saved_anew_still_carries_the_watermark(run: Run, name: str, body: bytes) -> None:
    done = run("verify", written(name, body))
    assert done.exit_code == 4
    assert "is gone, so it was saved anew or altered since" in done.stdout


def test_of_a_plain_picture_no_mark_is_found_and_that_proves_nothing(run: Run) -> None:
    done = run("verify", written("photo.jpg", jpeg(drawing())))
    assert done.exit_code == 3
    assert "No mark was found. That does not prove that it is not synthetic" in done.stdout


def test_json_has_every_layer_of_every_file_and_the_worst_decides(run: Run) -> None:
    names = [written("a.png", png(MARKED, FACTS)), written("b.png", png(drawing())), "missing.png"]
    done = run("verify", *names, "--json")
    assert done.exit_code == 5
    first, second, third = json.loads(done.stdout)["files"]
    assert (first["verdict"], first["layers"]["text"]) == ("unproven", FACTS)
    assert first["layers"]["watermark"]["name"] == "afterimage-1"
    assert (second["verdict"], second["layers"]["watermark"]["found"]) == ("no_mark", False)
    assert third == {
        "file": "missing.png",
        "verdict": "unreadable",
        "sentence": "Not read: there is no such file.",
        "notes": [],
        "layers": None,
    }


def test_text_that_names_a_watermark_which_the_pixels_do_not_have_is_noticed(run: Run) -> None:
    done = run("verify", written("copied.png", png(drawing(), FACTS)))
    assert done.exit_code == 4
    assert "! The text names a watermark that the pixels do not have" in done.stdout
    assert "Nothing proves that: anyone can write such text." in done.stdout


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header promises so many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def animated() -> bytes:
    buffer = io.BytesIO()
    drawing().save(buffer, "WEBP", save_all=True, append_images=[Image.new("RGB", (128, 128), "red")], duration=100)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (bomb(8000, 8000), "It has more than 50 million pixels."),
        (bomb(60_000, 60_000), "It has more than 50 million pixels."),
        (png(MARKED)[:2000], "It is broken, or no PNG, JPEG, WEBP at all."),
        (b"GIF89a" + bytes(100), "It is broken, or no PNG, JPEG, WEBP at all."),
        (b"", "It is broken, or no PNG, JPEG, WEBP at all."),
        (bytes(MOST_BYTES + 1), "It has more than 32 MiB."),
        (animated(), "It is animated."),
    ],
)
def test_hostile_files_are_refused_in_a_sentence(body: bytes, sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        read(body, "")
    assert str(refused.value) == sentence


def test_a_reader_that_breaks_or_takes_for_ever_is_that_files_trouble(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = written("a.png", png(MARKED))
    monkeypatch.setattr(reading, "MOST_S", 0.001)
    assert "took more than 0.001 seconds" in run("verify", name).stdout
    monkeypatch.setattr(reading, "MOST_S", 90)
    monkeypatch.setattr("sys.executable", "/bin/false")
    done = run("verify", name)
    assert (done.exit_code, "Not read: reading it broke the reader." in done.stdout) == (5, True)


def test_text_of_others_cannot_move_the_cursor_and_is_cut(run: Run) -> None:
    facts = {"Software": "Afterimage", "prompt": "\x1b[2Jgone" + "x" * 9000, "model": "a\nb"}
    done = run("verify", written("bad.png", png(MARKED, facts)))
    assert "\x1b" not in done.stdout
    assert "a b, “[2Jgone" in done.stdout
    assert len(read(png(MARKED, facts), "").text["prompt"]) == 4000
    assert len(read(png(MARKED, {f"k{number}": "v" for number in range(90)}), "").text) == 40


def test_exif_is_read_where_there_is_no_png_text() -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0" + json.dumps(FACTS).encode()
    assert read(jpeg(MARKED, exif=exif), "").text == FACTS
    for comment in (b"ASCII\0\0\0[1]", b"ASCII\0\0\0{", b"other"):
        exif.get_ifd(0x8769)[0x9286] = comment
        assert read(jpeg(MARKED, exif=exif), "").text == {}


@pytest.mark.parametrize(
    ("packet", "found"),
    [
        (XMP.format("trainedAlgorithmicMedia").encode(), "trainedAlgorithmicMedia"),
        (b'<rdf:Description a:DigitalSourceType="http://cv.iptc.org/x/digitalCapture"/>', "digitalCapture"),
        (b"<a:DigitalSourceType>nothing</a:DigitalSourceType>", ""),
    ],
)
def test_the_source_type_is_found_in_xmp_of_a_jpeg_however_it_is_written(packet: bytes, found: str) -> None:
    assert read(jpeg(MARKED, xmp=packet), "").source_type == found


SIGNED = Signature(signer="Ada", issuer="Ada's house", fits=True, known=True, source_type="trainedAlgorithmicMedia")
FOUND, NOT_FOUND = Watermark(found=True, name="afterimage-1"), Watermark(found=False)


@pytest.mark.parametrize(
    ("changes", "verdict", "sentence"),
    [
        ({"signature": SIGNED}, Verdict.INTACT, "Made by a machine, and unchanged since Ada signed it."),
        (
            {"signature": Signature(signer="Ada", issuer="", fits=True, known=True, source_type="digitalCapture")},
            Verdict.INTACT,
            "Unchanged since Ada signed it.",
        ),
        (
            {"signature": Signature(signer="Ada", issuer="", fits=False, known=True), "watermark": FOUND},
            Verdict.ALTERED,
            "Altered: this is not the file that was signed as Ada's. Its pixels still carry Afterimage's watermark.",
        ),
        (
            {"signature": Signature(signer="Ada", issuer="", fits=True, known=False)},
            Verdict.UNPROVEN,
            "Signed in the name of Ada, and nobody here vouches for that: anyone can sign so.",
        ),
        (
            {"signature": Signature(signer="Ada", issuer="", fits=True, known=False, problems=(EXPIRED,))},
            Verdict.UNPROVEN,
            "Signed in the name of Ada, and the certificate has ended: "
            "whoever has its key by now, or made such a certificate, could have signed this.",
        ),
        (
            {"source_type": "trainedAlgorithmicMedia"},
            Verdict.UNPROVEN,
            "The file says that a machine made it. Nothing proves that: anyone can write such text.",
        ),
    ],
)
def test_what_the_layers_come_to(changes: dict[str, Any], verdict: Verdict, sentence: str) -> None:
    layers = {"kind": "PNG", "width": 64, "height": 64, "signature": None, "source_type": "", "watermark": NOT_FOUND}
    report = judge("a.png", Findings(**layers | changes))
    assert (report.verdict, report.sentence) == (verdict, sentence)


def test_of_several_files_the_worst_is_the_exit_code() -> None:
    reports = [Report(name="", verdict=verdict, sentence="") for verdict in Verdict]
    worst = []
    while reports:
        worst.append(exit_code(reports))
        reports = [report for report in reports if report.verdict.value != worst[-1]]
    assert worst == [1, 5, 3, 4, 0]


def test_certificates_that_are_none_are_wrong_usage(run: Run) -> None:
    done = run("verify", "--trust", written("no.pem", b"hello"), written("a.png", png(MARKED)))
    assert done.exit_code == 2
    assert done.stderr == "error: no.pem holds no certificate in PEM.\n"
