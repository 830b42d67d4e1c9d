"""How often a watermark is found after what happens to pictures, how often where there is none, and what it costs.

    PYTHONPATH=.:functions:model .afterimage/env/model/bin/python -m bench.model.watermark [recovery|alarms|libraries] …

`libraries` holds two packages of others against it in the same pictures, where they are installed:
pip install --target FOLDER --no-deps invisible-watermark blind-watermark PyWavelets opencv-python-headless onnxruntime
and FOLDER at the end of PYTHONPATH. They are told the size in which a picture was marked; ours has to find it.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from afterimage_model.find_mark import find_mark
from afterimage_model.watermark import put_mark
from PIL import Image, ImageOps

from bench.model.conditions import model_conditions
from bench.model.pictures import KINDS, picture

Change = Callable[[Image.Image], Image.Image]
RESULTS = Path(__file__).parent / "results" / "watermark.json"
SIDES = {64: 150, 128: 150, 512: 40, 1024: 10}
"""Pixels, and how many pictures of each kind but noise are marked."""
ALARMS = {64: 1200, 128: 600, 512: 200, 1024: 20}
"""Pixels, and how many pictures of each kind are looked at without a mark."""
LIBRARY_PICTURES = 10
"""Of each kind; rivaGan takes seconds for each."""


def jpeg(quality: int) -> Change:
    def change(image: Image.Image) -> Image.Image:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        return Image.open(buffer).convert("RGB")

    return change


def scaled(by: float, how: Image.Resampling = Image.Resampling.LANCZOS) -> Change:
    return lambda image: image.resize((round(image.width * by), round(image.height * by)), how)


def cut(left: float, top: float, right: float, bottom: float) -> Change:
    def change(image: Image.Image) -> Image.Image:
        width, height = image.size
        return image.crop(
            (round(left * width), round(top * height), round((1 - right) * width), round((1 - bottom) * height))
        )

    return change


def palette(image: Image.Image) -> Image.Image:
    return image.convert("P", palette=Image.Palette.ADAPTIVE).convert("RGB")


def then(*changes: Change) -> Change:
    def change(image: Image.Image) -> Image.Image:
        for one in changes:
            image = one(image)
        return image

    return change


CHANGES: dict[str, Change] = {
    "none": lambda image: image,
    "JPEG 95": jpeg(95),
    "JPEG 75": jpeg(75),
    "JPEG 50": jpeg(50),
    "half size": scaled(0.5),
    "a tenth off the left": cut(0.1, 0, 0, 0),
    "a tenth off the top": cut(0, 0.1, 0, 0),
    "a tenth off the right": cut(0, 0, 0.1, 0),
    "a tenth off the bottom": cut(0, 0, 0, 0.1),
    "a twentieth off each side": cut(0.05, 0.05, 0.05, 0.05),
    "half size, JPEG 75": then(scaled(0.5), jpeg(75)),
    "a tenth off, half size, JPEG 75": then(cut(0.1, 0, 0, 0), scaled(0.5), jpeg(75)),
    "screenshot at 0.8": scaled(0.8, Image.Resampling.BICUBIC),
    "palette of 256": palette,
    "mirrored": ImageOps.mirror,
    "turned by 5 degrees": lambda image: image.rotate(5, Image.Resampling.BICUBIC),
    "half of it": cut(0, 0, 0.5, 0),
    "a quarter of the size": scaled(0.25),
    "blurred": then(scaled(0.25), scaled(4)),
}


def likeness(plain: Image.Image, marked: Image.Image) -> tuple[float, float]:
    """PSNR in dB over all colours, and SSIM of the brightness with windows of 8 × 8."""
    one, other = (np.asarray(image.convert("RGB"), dtype=float) for image in (plain, marked))
    psnr = 10 * np.log10(255**2 / ((one - other) ** 2).mean())
    x, y = (_windows(np.asarray(image.convert("L"), dtype=float)) for image in (plain, marked))
    means = x.mean(-1), y.mean(-1)
    shared = ((x - means[0][..., None]) * (y - means[1][..., None])).mean(-1)
    near = (2 * means[0] * means[1] + 6.5) / (means[0] ** 2 + means[1] ** 2 + 6.5)
    alike = (2 * shared + 58.5) / (x.var(-1) + y.var(-1) + 58.5)
    return float(psnr), float((near * alike).mean())


def _windows(values: np.ndarray) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(values, (8, 8))[::4, ::4]
    return windows.reshape(*windows.shape[:2], 64)


def recovery(share: float) -> dict[str, Any]:
    """Per size and change how many of the marked pictures are found, in percent; likeness and seconds."""
    document: dict[str, Any] = {}
    for side, most in SIDES.items():
        count = max(1, round(most * share))
        plain = [picture(kind, number, side) for kind in KINDS[:2] for number in range(count)]
        began = time.perf_counter()
        marked = [put_mark(image) for image in plain]
        put_s = (time.perf_counter() - began) / len(plain)
        alike = [likeness(*pair) for pair in zip(plain, marked, strict=True)]
        rows = {}
        for name, change in CHANGES.items():
            found = [find_mark(change(image)) for image in marked]
            hits = [one is not None and one.is_marked for one in found]
            rows[name] = {"scene": _percent(hits[:count]), "photograph": _percent(hits[count:])}
            print(f"{side:5} {name:32} {rows[name]}", flush=True)
        document[str(side)] = {
            "pictures_of_each_kind": count,
            "psnr_db": _spread([psnr for psnr, _ in alike]),
            "ssim": _spread([ssim for _, ssim in alike], 4),
            "put_ms": round(put_s * 1000, 1),
            "found_percent": rows,
        }
    return document


def _percent(hits: Sequence[bool]) -> float:
    return round(100 * sum(hits) / len(hits), 1)


def _spread(values: Sequence[float], digits: int = 1) -> dict[str, float]:
    return {"least": round(min(values), digits), "median": round(float(np.median(values)), digits)}


def alarms(share: float) -> dict[str, Any]:
    """Pictures without the mark: how many are said to have it, how near the nearest came, seconds of a look."""
    document: dict[str, Any] = {}
    for side, most in ALARMS.items():
        count = max(1, round(most * share))
        scores: dict[str, list[float]] = {kind: [] for kind in KINDS}
        began, threshold, wrong = time.perf_counter(), 0.0, 0
        for kind in KINDS:
            for number in range(count):
                # From 10,000 on: no picture on which anything was tuned.
                found = find_mark(picture(kind, 10_000 + number, side))
                if found is not None:
                    scores[kind].append(found.score)
                    threshold, wrong = found.threshold, wrong + found.is_marked
        document[str(side)] = {
            "looked_at": count * len(KINDS),
            "said_to_be_marked": wrong,
            "threshold": round(threshold, 2),
            "highest_score": {kind: round(max(values), 2) for kind, values in scores.items()},
            "look_ms_with_drawing": round((time.perf_counter() - began) / count / len(KINDS) * 1000, 1),
        }
        print(side, document[str(side)], flush=True)
    return document


def libraries(share: float) -> dict[str, Any]:
    """The same changes for libraries of others."""
    from bench.model.watermark_libraries import SCHEMES

    document: dict[str, Any] = {}
    count = max(1, round(LIBRARY_PICTURES * share))
    names = [name for name in CHANGES if name not in ("turned by 5 degrees", "half of it", "a quarter of the size")]
    for scheme in SCHEMES:
        for side in (64, 128, 512):
            plain = [picture(kind, number, side) for kind in KINDS[:2] for number in range(count)]
            began = time.perf_counter()
            try:
                marked = [scheme.put(image) for image in plain]
            except Exception as exc:  # a library refuses a size with whatever it likes
                document[f"{scheme.name}, {side}"] = f"refuses: {exc or type(exc).__name__}"
                continue
            put_s = (time.perf_counter() - began) / len(plain)
            found = {name: _percent([scheme.found(CHANGES[name](one), side) for one in marked]) for name in names}
            alike = [likeness(*pair) for pair in zip(plain, marked, strict=True)]
            document[f"{scheme.name}, {side}"] = {
                "psnr_db": _spread([psnr for psnr, _ in alike]),
                "put_ms": round(put_s * 1000, 1),
                "found_percent": found,
            }
            print(scheme.name, side, document[f"{scheme.name}, {side}"], flush=True)
    return document


PARTS = {"recovery": recovery, "alarms": alarms, "libraries": libraries}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all of them when none is named")
    parser.add_argument("--share", type=float, default=1.0, help="of the pictures")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    document = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    for name in arguments.parts or PARTS:
        document[name] = PARTS[name](arguments.share) | {"conditions": model_conditions(1, 1)}
        arguments.out.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
