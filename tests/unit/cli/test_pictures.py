"""Pictures on disk and in the terminal."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from cli.errors import CliError
from cli.jobs import parse_job
from cli.pictures import can_preview, preview, save, slug
from tests.unit.cli.service import PICTURE, job_document, png

JOB = parse_job(job_document())


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("A red circle!", "a-red-circle"),
        ("Café ../../etc", "cafe-etc"),
        ("…", "picture"),
        ("猫", "picture"),
        ("x" * 90, "x" * 40),
    ],
)
def test_a_prompt_becomes_a_harmless_file_name(prompt: str, name: str) -> None:
    assert slug(prompt) == name


def test_pictures_of_one_request_do_not_overwrite_each_other(tmp_path: Path) -> None:
    image = job_document()["images"][0]
    job = parse_job(job_document(seeds=[7, 8], images=[image, image | {"number": 1}]))
    saved = {save(job, picture, PICTURE, tmp_path / "new") for picture in job.pictures}
    assert len(saved) == 2


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CliError, match="cannot be written"):
        save(JOB, JOB.pictures[0], PICTURE, tmp_path / "file")


def test_each_cell_shows_two_pixels() -> None:
    image = Image.new("RGB", (2, 2))
    image.putpixel((0, 0), (255, 0, 0))
    image.putpixel((0, 1), (0, 0, 255))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    text = preview(buffer.getvalue(), columns=2)
    assert text.plain == "▀▀"
    first = text.spans[0].style
    assert str(first) == "#ff0000 on #0000ff"


def test_a_tall_picture_keeps_its_proportions() -> None:
    assert len(preview(png(size=(20, 40)), columns=10).plain.splitlines()) == 10


@pytest.mark.parametrize(
    ("options", "environment", "possible"),
    [
        ({"force_terminal": True, "color_system": "truecolor"}, {}, True),
        ({"force_terminal": True, "color_system": "truecolor"}, {"NO_COLOR": "1"}, False),
        ({"force_terminal": True, "color_system": "256"}, {}, False),
        ({"force_terminal": False, "color_system": "truecolor"}, {}, False),
    ],
)
def test_pictures_are_shown_where_all_colours_are(
    options: dict[str, object], environment: dict[str, str], possible: bool
) -> None:
    assert can_preview(Console(**options, _environ=environment)) is possible  # type: ignore[arg-type]
