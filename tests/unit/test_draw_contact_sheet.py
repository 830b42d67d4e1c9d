"""The state DrawContactSheet: what the plan says is on the sheet in its place, whatever title and thumbnails are."""

from __future__ import annotations

import dataclasses
import io
import json
import random
from typing import Any

import pytest
from afterimage_imaging import draw_contact_sheet, sheet
from afterimage_imaging.sheet import GAP, HEADER, MARGIN, MAX_BYTES, TILE, WIDTH, Heading, Tile, draw
from afterimage_imaging.storage import Files, InternalError, StoreUnavailableError
from fakes.campaigns import CAMPAIGN_ID, RUN_ID
from fakes.results_world import FOLDER, ResultsWorld
from fakes.stubbed import UNREACHED, stubbed, unreached
from PIL import Image

HEADING = Heading(title="Autumn", day="22 November 2026", sheet=1, sheets=1, left_out=0)
RED, BLUE = (200, 30, 30), (20, 40, 200)
IDS = {"campaign_id": CAMPAIGN_ID, "run_id": RUN_ID, "leg": 1}


def jpeg(colour: tuple[int, int, int] = RED, size: tuple[int, int] = (320, 320)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "JPEG", quality=90)
    return out.getvalue()


def opened(body: bytes) -> Image.Image:
    assert len(body) <= MAX_BYTES
    return Image.open(io.BytesIO(body), formats=("JPEG",)).convert("RGB")


def middle(page: Image.Image, number: int) -> tuple[int, ...]:
    """The colour in the middle of a field, a little below a mark."""
    left = MARGIN + number % 8 * (TILE + GAP)
    top = HEADER + number // 8 * (TILE + sheet.LABEL + sheet.LINE_GAP)
    found = page.getpixel((left + TILE // 2, top + TILE // 2 + 20))
    assert isinstance(found, tuple)
    return found


def near(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(abs(a - b) < 12 for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(("count", "lines"), [(0, 1), (1, 1), (8, 1), (9, 2), (48, 6)])
def test_a_sheet_is_as_high_as_its_lines(count: int, lines: int) -> None:
    page = opened(draw(HEADING, tuple(Tile(label=str(n), mark="failed") for n in range(count)), lambda key: None))
    assert page.size == (WIDTH, HEADER + lines * (TILE + sheet.LABEL + sheet.LINE_GAP) + sheet.FOOTER)


def test_pictures_stand_where_their_rows_are_and_marks_where_none_is() -> None:
    tiles = [Tile(label=str(n), thumbnail_key="red" if n % 2 else "blue") for n in range(17)]
    tiles[5], tiles[6] = Tile(label="5", mark="failed"), Tile(label="6", thumbnail_key="gone")
    bodies = {"red": jpeg(RED), "blue": jpeg(BLUE)}
    page = opened(draw(HEADING, tuple(tiles), bodies.get))
    for number in range(17):
        wanted = (243, 244, 246) if number in (5, 6) else RED if number % 2 else BLUE
        assert near(middle(page, number), wanted), number
    assert near(middle(page, 17), (255, 255, 255)), "no field for what is not there"


@pytest.mark.parametrize("size", [(320, 40), (40, 320), (1, 1), (64, 64)])
def test_a_picture_of_any_shape_stays_within_its_field(size: tuple[int, int]) -> None:
    page = opened(draw(HEADING, (Tile(label="1", thumbnail_key="k"),), lambda key: jpeg(RED, size)))
    outside = [page.getpixel((MARGIN - 6, HEADER + TILE // 2)), page.getpixel((MARGIN + TILE + 6, HEADER + TILE // 2))]
    assert all(isinstance(found, tuple) and near(found, (255, 255, 255)) for found in outside)


def test_busy_pictures_still_fit_into_a_mail() -> None:
    random.seed(4)
    noise = Image.frombytes("RGB", (160, 160), random.randbytes(160 * 160 * 3))
    out = io.BytesIO()
    noise.save(out, "JPEG", quality=95)
    opened(draw(HEADING, tuple(Tile(label=str(n), thumbnail_key="k") for n in range(48)), lambda key: out.getvalue()))


@pytest.mark.parametrize("body", [b"", b"no picture", jpeg()[:200], b"GIF89a" + bytes(50), jpeg(RED, (2100, 2100))])
def test_what_is_no_small_jpeg_is_a_field_with_a_word(body: bytes) -> None:
    page = opened(draw(HEADING, (Tile(label="1", thumbnail_key="k"),), lambda key: body))
    assert near(middle(page, 0), (243, 244, 246))


@pytest.mark.parametrize(
    "title", ["", "x" * 5000, "\u202e\u0000\n\t", "秋" * 50, "\U0001f30b", "e\u0301" * 300, "<b>&amp;", "\ud800"]
)
def test_a_title_of_any_kind_stays_in_its_line(title: str) -> None:
    plain = opened(draw(HEADING, (), lambda key: None))
    page = opened(draw(dataclasses.replace(HEADING, title=title), (), lambda key: None))
    assert page.size == plain.size
    below = (0, 80, WIDTH, page.height)
    assert page.crop(below).tobytes() == plain.crop(below).tobytes()


class Kept:
    """Files in the world's memory."""

    def __init__(self, world: ResultsWorld) -> None:
        self.objects = world.files.objects
        self.read = self.objects.get

    def write(self, key: str, body: bytes, content_type: str) -> None:
        self.objects[key] = body


def loop(world: ResultsWorld) -> int:
    event: dict[str, Any] = {**IDS, "sheet": 1}
    for calls in range(1, 40):
        event = draw_contact_sheet.handle(event, Kept(world))  # type: ignore[arg-type]
        if event.pop("done"):
            return calls
    raise AssertionError("it never ends")


def test_the_sheets_are_those_that_the_results_promise() -> None:
    world = ResultsWorld()
    for _ in range(49):
        world.add()
    world.settle()
    world.write()
    world.files.objects[f"images/{'9' * 32}/0.jpg"] = jpeg()
    assert loop(world) == world.results().sheets == 2
    pages = [opened(world.files.objects[f"{FOLDER}sheet-0{number}.jpg"]) for number in (1, 2)]
    assert near(middle(pages[0], 47), RED)
    assert pages[1].height < pages[0].height


@pytest.mark.parametrize("leg", [2, None])
def test_a_plan_of_another_leg_or_none_draws_nothing(leg: int | None) -> None:
    world = ResultsWorld()
    world.add()
    world.settle(**({"leg": leg} if leg else {}))
    if leg:
        world.write()
    assert loop(world) == 1
    assert not [key for key in world.files.objects if key.endswith(".jpg")]


def test_a_missing_object_is_none_and_a_throttle_is_asked_again() -> None:
    client, answers = stubbed("s3")
    files = Files(client=client, bucket="b")
    for code in ("NoSuchKey", "AccessDenied"):
        answers.add_client_error("get_object", code)
        assert files.read("k") is None
    answers.add_client_error("get_object", "SlowDown")
    with pytest.raises(StoreUnavailableError):
        files.read("k")
    answers.add_client_error("put_object", "SlowDown")
    with pytest.raises(StoreUnavailableError):
        files.write("k", b"", "image/jpeg")
    with pytest.raises(StoreUnavailableError):
        Files(client=unreached("s3", UNREACHED[0]), bucket="b").read("k")


def test_an_unforeseen_error_leaves_without_its_words(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def dependencies() -> None:
        raise KeyError("CANARY")

    monkeypatch.setattr(draw_contact_sheet, "dependencies", dependencies)
    with pytest.raises(InternalError) as caught:
        draw_contact_sheet.lambda_handler({**IDS, "sheet": 1}, None)
    assert "CANARY" not in str(caught.value) + caplog.text
    assert json.loads(caplog.messages[0])["error"] == "KeyError"
