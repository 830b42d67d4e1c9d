"""Pictures on disk and in the terminal."""

from __future__ import annotations

import hashlib
import io
import re
import unicodedata
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image
from rich.color import Color
from rich.console import Console, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from cli.api import Api
from cli.errors import CliError
from cli.jobs import Job, Picture

PREVIEW_COLUMNS = 40
_SLUG_LENGTH = 40


def fetch(api: Api, picture: Picture) -> bytes:
    """Return the picture's bytes. Raises CliError when they are not those that the model made."""
    content = api.download(picture.url)
    if hashlib.sha256(content).hexdigest() != picture.sha256:
        raise CliError(f"Picture {picture.number + 1} was damaged on its way: its digest differs.", "Ask again.")
    return content


def save(job: Job, picture: Picture, content: bytes, folder: Path) -> Path:
    """Write a picture into `folder` under a name that tells prompt and request. Raises CliError."""
    number = f"-{picture.number + 1}" if len(job.seeds) > 1 else ""
    suffix = Path(urlsplit(picture.url).path).suffix or ".png"
    path = folder / f"{slug(job.prompt)}-{job.job_id[-6:]}{number}{suffix}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as exc:
        raise CliError(
            f"The picture cannot be written to {folder}: {exc.strerror}.", "Choose a folder with --output."
        ) from exc
    return path


def slug(prompt: str) -> str:
    """Return the beginning of `prompt` as part of a file name: lower-case letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", prompt).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:_SLUG_LENGTH].strip("-") or "picture"


def can_preview(console: Console) -> bool:
    """True when the terminal shows 24-bit colour; with fewer colours a picture is not recognisable."""
    return console.is_terminal and console.color_system == "truecolor" and not console.no_color


def preview_row(contents: list[bytes], width: int) -> RenderableType:
    """Return pictures side by side, as large as `width` columns allow and no larger than one alone."""
    gap = 2
    columns = min(PREVIEW_COLUMNS, (width - gap * (len(contents) - 1)) // max(1, len(contents)))
    row = Table.grid(padding=(0, gap, 0, 0))
    row.add_row(*(preview(content, columns) for content in contents))
    return row


def preview(content: bytes, columns: int = PREVIEW_COLUMNS) -> Text:
    """Return the picture as half blocks: a cell is twice as high as wide, so it holds two pixels one above another."""
    image = Image.open(io.BytesIO(content)).convert("RGB")
    rows = max(1, round(columns * image.height / image.width / 2))
    small = image.resize((columns, rows * 2), Image.Resampling.BOX)
    text = Text(no_wrap=True)
    for row in range(rows):
        for column in range(columns):
            upper, lower = _colour(small, column, 2 * row), _colour(small, column, 2 * row + 1)
            text.append("▀", Style(color=upper, bgcolor=lower))
        text.append("\n" if row < rows - 1 else "")
    return text


def _colour(image: Image.Image, column: int, row: int) -> Color:
    pixel = image.getpixel((column, row))
    if not isinstance(pixel, tuple):
        raise TypeError("an RGB picture has three values per pixel")
    return Color.from_rgb(*pixel[:3])
