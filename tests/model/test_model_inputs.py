"""Input pictures: what people send is made upright, plain and RGB; what is hostile or no picture is refused."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from afterimage.contracts.generation import GenerationJob
from afterimage_model.errors import InputRefused, InvalidDocument
from afterimage_model.generate import generate, generate_together
from afterimage_model.inputs import LEAST_SIDE, MOST_BYTES, MOST_PIXELS, fit_input, read_input
from afterimage_model.orders import Order
from afterimage_model.predictor import Predictor
from PIL import Image

RED, BLUE = (255, 0, 0), (0, 0, 255)


def halves(size: tuple[int, int] = (64, 32)) -> Image.Image:
    """Left red, right blue."""
    picture = Image.new("RGB", size, RED)
    picture.paste(BLUE, (size[0] // 2, 0, *size))
    return picture


def file_of(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format=kind, **options)
    return buffer.getvalue()


def is_red(pixel: Any) -> bool:
    return pixel[0] > 200 and pixel[2] < 60


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_the_three_kinds_are_read_and_nothing_but_pixels_is_kept(kind: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    picture = read_input(file_of(halves(), kind, exif=exif.tobytes()))
    assert (picture.mode, picture.size, picture.info, dict(picture.getexif())) == ("RGB", (64, 32), {}, {})
    assert is_red(picture.getpixel((5, 5)))
    assert not is_red(picture.getpixel((60, 5)))


@pytest.mark.parametrize(("orientation", "size", "red_at"), [(3, (64, 32), (60, 5)), (6, (32, 64), (5, 5))])
def test_a_picture_is_turned_upright_as_its_exif_says(
    orientation: int, size: tuple[int, int], red_at: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = read_input(file_of(halves(), "JPEG", exif=exif.tobytes()))
    assert picture.size == size
    assert is_red(picture.getpixel(red_at))


def test_what_is_seen_through_lies_on_white() -> None:
    seen_through = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    assert read_input(file_of(seen_through)).getpixel((1, 1)) == (255, 255, 255)
    palette = Image.new("P", (32, 32), 0)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    assert read_input(file_of(palette, transparency=0)).getpixel((1, 1)) == (255, 255, 255)


def test_cmyk_grey_sixteen_bits_and_palettes_become_rgb() -> None:
    for picture, kind, expected in [
        (Image.new("CMYK", (32, 32), (0, 255, 255, 0)), "JPEG", (255, 0, 0)),
        (Image.new("L", (32, 32), 128), "PNG", (128, 128, 128)),
        (Image.new("I;16", (32, 32), 65535), "PNG", (255, 255, 255)),
        (Image.new("I;16", (32, 32), 257 * 100), "PNG", (100, 100, 100)),
        (Image.new("1", (32, 32), 1), "PNG", (255, 255, 255)),
    ]:
        read = read_input(file_of(picture, kind))
        assert read.mode == "RGB"
        assert all(abs(got - want) <= 2 for got, want in zip(read.getpixel((1, 1)), expected, strict=True)), kind  # type: ignore[arg-type]


def png_header(width: int, height: int) -> bytes:
    """A PNG that says it is this large and holds next to nothing."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


ANIMATED = [halves(), Image.new("RGB", (64, 32), BLUE)]
REFUSED: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "text": lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "a gif": lambda: file_of(halves(), "GIF"),
    "a tiff": lambda: file_of(halves(), "TIFF"),
    "a bitmap": lambda: file_of(halves(), "BMP"),
    "a truncated png": lambda: file_of(halves((256, 256)), "PNG")[:-40],
    "a truncated jpeg": lambda: file_of(halves((256, 256)), "JPEG")[:-200],
    "a truncated webp": lambda: file_of(halves((256, 256)), "WEBP", lossless=True)[:-20],
    "an animated png": lambda: file_of(ANIMATED[0], "PNG", save_all=True, append_images=ANIMATED[1:]),
    "an animated webp": lambda: file_of(ANIMATED[0], "WEBP", save_all=True, append_images=ANIMATED[1:]),
    "more pixels than we unpack": lambda: png_header(MOST_PIXELS // 1000 + 1, 1000),
    "a bomb": lambda: png_header(60000, 60000),
    "a sliver": lambda: file_of(Image.new("RGB", (LEAST_SIDE - 1, 64))),
    "a text bomb": lambda: _with_text_bomb(),
    "too many bytes": lambda: file_of(halves()) + b"\0" * MOST_BYTES,
}


def _with_text_bomb() -> bytes:
    plain = file_of(halves())
    text = b"Comment\0\0" + zlib.compress(b"x" * 200_000_000, 9)
    chunk = struct.pack(">I", len(text)) + b"zTXt" + text + struct.pack(">I", zlib.crc32(b"zTXt" + text))
    return plain[:33] + chunk + plain[33:]


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_hostile_or_no_still_picture_is_refused(name: str) -> None:
    with pytest.raises(InputRefused) as caught:
        read_input(REFUSED[name]())
    assert (caught.value.status, caught.value.code) == (400, "input_refused")


def test_every_cut_and_flipped_file_is_read_or_refused_and_raises_nothing_else() -> None:
    for kind in ("PNG", "JPEG", "WEBP"):
        whole = file_of(halves(), kind)
        for place in range(0, len(whole), max(1, len(whole) // 60)):
            for body in (whole[:place], whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]):
                with contextlib.suppress(InputRefused):
                    assert read_input(body).mode == "RGB"


@pytest.mark.parametrize(("size", "cut"), [((64, 64), False), ((128, 128), False), ((128, 64), True), ((30, 90), True)])
def test_a_picture_fills_the_output_and_a_cut_is_told(size: tuple[int, int], cut: bool) -> None:
    fitted, was_cut = fit_input(Image.new("RGB", size, RED), 64, 64)
    assert (fitted.size, was_cut) == ((64, 64), cut)
    assert fitted.getpixel((0, 0)) == RED == fitted.getpixel((63, 63))


class Store:
    """One input picture and nothing else."""

    def __init__(self, key: str, body: bytes) -> None:
        self.objects = {key: body}

    def get(self, bucket: str, key: str, most_bytes: int) -> bytes | None:
        return self.objects.get(key)

    def exists(self, bucket: str, key: str) -> bool:
        return False

    def put(self, bucket: str, key: str, body: bytes, content_type: str) -> None:
        raise AssertionError


def img2img(**values: Any) -> GenerationJob:
    job = {"job_id": "j-1", "prompt": "a cat", "seeds": (1,), "steps": 4, "mode": "img2img", "width": 64, "height": 64}
    return GenerationJob(**{**job, "input_key": "jobs/j-1/input", "strength": 0.5, **values})  # type: ignore[arg-type]


def made(predictor: Predictor, job: GenerationJob, body: bytes | None = None) -> Sequence[Any]:
    store = Store("jobs/j-1/input", file_of(halves((64, 64))) if body is None else body)
    result = generate(job, predictor, store, bucket="pictures")
    return [image.sha256 for image in result.images], [warning.code for warning in result.warnings]


@pytest.mark.parametrize("name", ["predictor", "xl_predictor"])
def test_the_input_picture_and_the_strength_decide_the_picture(name: str, request: pytest.FixtureRequest) -> None:
    model = request.getfixturevalue(name)
    variants = [
        made(model, img2img()),
        made(model, img2img(), file_of(Image.new("RGB", (64, 64), BLUE))),
        made(model, img2img(strength=1.0)),
        made(model, img2img(seeds=(2,))),
        made(model, img2img(prompt="a dog")),
    ]
    assert len({digests[0] for digests, _ in variants}) == len(variants)
    assert made(model, img2img()) == variants[0]
    assert {len(warnings) for _, warnings in variants} == {0}


def test_several_pictures_from_one_input_are_those_of_the_single_jobs(predictor: Predictor) -> None:
    together, _ = made(predictor, img2img(seeds=(1, 2, 3)))
    alone = [made(predictor, img2img(seeds=(seed,)))[0][0] for seed in (1, 2, 3)]
    assert list(together) == alone


def test_an_input_of_other_proportions_is_cut_aloud(predictor: Predictor) -> None:
    _, warnings = made(predictor, img2img(), file_of(halves((128, 64))))
    assert warnings == ["input_cut"]


@pytest.mark.parametrize("key", ["jobs/j-2/input", "quarantine/j-1/0.png", "jobs/j-1/../j-2/input", "uploads/x", ""])
def test_a_job_reads_from_its_own_folder_only(predictor: Predictor, key: str) -> None:
    with pytest.raises(InvalidDocument, match="input_key"):
        made(predictor, img2img(input_key=key))


def test_an_input_that_is_not_there_is_refused(predictor: Predictor) -> None:
    with pytest.raises(InputRefused, match="there is no input picture"):
        generate(img2img(), predictor, Store("jobs/j-1/other", b""), bucket="pictures")
    with pytest.raises(InputRefused, match="there is no input picture"):
        generate(img2img(), predictor, Store("jobs/j-1/input", b""))


class Judge:
    """A model whose checker says what it is told; it notes what it was shown."""

    def __init__(self, model: Predictor, verdict: bool | None) -> None:
        self._model = model
        self._verdict = verdict
        self.shown: list[tuple[int, int]] = []

    def flags(self, pictures: Sequence[Image.Image]) -> bool | None:
        self.shown = [picture.size for picture in pictures]
        return self._verdict

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)


@pytest.mark.parametrize("verdict", [False, None])
def test_the_verdict_on_the_input_is_in_the_result(predictor: Predictor, verdict: bool | None) -> None:
    judge = Judge(predictor, verdict)
    store = Store("jobs/j-1/input", file_of(halves((128, 64))))
    result = generate(img2img(), judge, store, bucket="pictures")
    assert (result.input_flagged, len(result.images)) == (verdict, 1)
    assert judge.shown == [(128, 64), (64, 64)]


def test_from_a_flagged_input_nothing_is_made(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise AssertionError("the network ran")

    monkeypatch.setattr(predictor, "predict_together", fail)
    store = Store("jobs/j-1/input", file_of(halves()))
    result = generate(img2img(seeds=(1, 2)), Judge(predictor, True), store, bucket="pictures")
    assert (result.job_id, result.input_flagged, result.images) == ("j-1", True, ())
    assert (result.width, result.steps, result.versions) == (64, 4, predictor.versions)


def test_a_flagged_input_leaves_the_other_jobs_of_the_batch(predictor: Predictor) -> None:
    class Strict(Judge):
        def flags(self, pictures: Sequence[Image.Image]) -> bool | None:
            return pictures[0].getpixel((0, 0)) == BLUE

    store = Store("jobs/j-1/input", file_of(Image.new("RGB", (64, 64), BLUE)))
    store.objects["jobs/j-2/input"] = file_of(halves())
    orders = [Order(img2img()), Order(img2img(job_id="j-2", input_key="jobs/j-2/input"))]
    generate_together(orders, Strict(predictor, None), store, bucket="pictures")
    assert [len(order.future.result(0).images) for order in orders] == [0, 1]


def test_without_an_input_there_is_no_verdict_on_one(predictor: Predictor) -> None:
    job = img2img(mode="txt2img", input_key=None, strength=None)
    result = generate(job, Judge(predictor, True), Store("", b""), bucket="pictures")
    assert (result.input_flagged, len(result.images)) == (None, 1)
