"""The picture that a request begins from: looked at before anything is sent, then sent by a form of the service."""

from __future__ import annotations

import io
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from cli.api import Api
from cli.errors import CliError
from cli.terminal import ACCENT, SOFT, is_lively, output, short_path

_KINDS = "Send a PNG, JPEG or WebP file."


def read_input(path: Path) -> tuple[bytes, str]:
    """Return a picture's bytes and its content type, told by its beginning. Raises CliError for another file."""
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise CliError(f"{path} cannot be read: {exc.strerror}.", _KINDS) from exc
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return content, "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return content, "image/jpeg"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return content, "image/webp"
    raise CliError(f"{path} is no picture that the service takes.", _KINDS)


def send_input(api: Api, path: Path, content: bytes, kind: str, *, quiet: bool) -> str:
    """Send a picture and return the id by which a request names it. Raises CliError when it is too large."""
    form = api.upload_form(kind)
    if len(content) > form["max_bytes"]:
        most = form["max_bytes"] / 1e6
        raise CliError(f"{path} has {len(content) / 1e6:.1f} MB; the service takes {most:g} MB.", "Make it smaller.")
    console = output()
    columns = (TextColumn("{task.description}", style=SOFT), BarColumn(complete_style=ACCENT), DownloadColumn())
    with (
        Progress(*columns, console=console, transient=True, disable=quiet or not is_lively(console)) as progress,
        progress.wrap_file(io.BytesIO(content), len(content), description="sending") as file,
    ):
        api.send_form(form["url"], form["fields"], file, name="picture")
    if not quiet:
        size = f"{len(content) / 1e6:.1f} MB" if len(content) >= 100_000 else f"{len(content) / 1e3:.1f} kB"
        console.print(f"from  {short_path(path)}, {size} sent", soft_wrap=True)
    return str(form["id"])
