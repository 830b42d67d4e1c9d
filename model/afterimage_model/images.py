"""Pictures as files: PNG, JPEG or WebP with what made them written inside, and a thumbnail for mail."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from afterimage_model.limits import Plan

SOFTWARE = "Afterimage"
CONTENT_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
THUMBNAIL_SIDE = 320
"""Longest side in pixels; smaller pictures are scaled up, a mail client would otherwise show a stamp."""
THUMBNAIL_QUALITY = 88

EXIF_IFD, EXIF_USER_COMMENT, EXIF_SOFTWARE = 0x8769, 0x9286, 0x0131


@dataclass(frozen=True, kw_only=True)
class PictureFile:
    """An encoded picture with its size in pixels."""

    body: bytes
    content_type: str
    width: int
    height: int


def picture_facts(plan: Plan, seed: int, versions: dict[str, str]) -> dict[str, str]:
    """What is embedded in a picture, as text: enough to make the same one again."""
    facts = {
        "Software": SOFTWARE,
        "job_id": plan.job_id,
        "prompt": plan.prompt,
        "negative_prompt": plan.negative_prompt,
        "seed": str(seed),
        "steps": str(plan.steps),
        "guidance": str(plan.guidance),
        "scheduler": plan.scheduler,
        "strength": "" if plan.strength is None else str(plan.strength),
        "adapter": plan.adapter or "",
        "size": f"{plan.width}x{plan.height}",
        "model": f"{versions['model']} {versions['model_version']}",
        "watermark": versions.get("watermark", ""),
    }
    return {name: text for name, text in facts.items() if text}


def encode_picture(image: Image.Image, output_format: str, facts: dict[str, str]) -> PictureFile:
    """Encode with `facts` inside: PNG text chunks (tEXt, or iTXt beyond Latin-1), or JSON in Exif's UserComment."""
    buffer = io.BytesIO()
    if output_format == "png":
        text = PngInfo()
        for name, value in facts.items():
            text.add_text(name, value)
        image.save(buffer, format="PNG", pnginfo=text)
    else:
        exif = Image.Exif()
        exif[EXIF_SOFTWARE] = SOFTWARE
        comment = json.dumps(facts, sort_keys=True, ensure_ascii=True).encode("ascii")
        exif.get_ifd(EXIF_IFD)[EXIF_USER_COMMENT] = b"ASCII\0\0\0" + comment
        image.convert("RGB").save(buffer, format=output_format.upper(), quality=95, exif=exif)
    return PictureFile(
        body=buffer.getvalue(), content_type=CONTENT_TYPES[output_format], width=image.width, height=image.height
    )


def encode_thumbnail(image: Image.Image) -> PictureFile:
    """A JPEG whose longest side is THUMBNAIL_SIDE: JPEG because some mail clients show no WebP."""
    scale = THUMBNAIL_SIDE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, format="JPEG", quality=THUMBNAIL_QUALITY, optimize=True)
    return PictureFile(body=buffer.getvalue(), content_type="image/jpeg", width=small.width, height=small.height)
