"""Small PNG files, with texts inside as the container writes them."""

from __future__ import annotations

import io

from PIL import Image
from PIL.PngImagePlugin import PngInfo


def png_of(number: int = 0, texts: dict[str, str] | None = None, *, side: int = 16) -> bytes:
    """Return a picture of noise that differs by number."""
    info, out = PngInfo(), io.BytesIO()
    for name, text in (texts or {}).items():
        info.add_text(name, text)
    picture = Image.frombytes("RGB", (side, side), bytes((x * x + number * x) % 251 for x in range(3 * side * side)))
    picture.save(out, "PNG", pnginfo=info)
    return out.getvalue()
