"""Watermarks of other people, as their packages make them: 32 bits, of which 26 must be read right.

By chance that happens to 3 pictures in 10,000. They are given the picture in the size in which it was marked.
"""

from __future__ import annotations

import contextlib
import functools
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

BITS = [int(bit) for bit in f"{0xA5C3961E:032b}"]
ENOUGH = 26


@dataclass(frozen=True)
class Imwatermark:
    """invisible-watermark, one of its three methods; diffusers puts `dwtDct` into SDXL's pictures."""

    method: str

    @property
    def name(self) -> str:
        return f"invisible-watermark {self.method}"

    def put(self, image: Image.Image) -> Image.Image:
        from imwatermark import WatermarkEncoder

        encoder = WatermarkEncoder()
        encoder.set_watermark("bits", BITS)
        if self.method == "rivaGan":
            _load(WatermarkEncoder)
        return _image(encoder.encode(_blue_first(image), self.method))

    def found(self, image: Image.Image, side: int) -> bool:
        from imwatermark import WatermarkDecoder

        if self.method == "rivaGan":
            _load(WatermarkDecoder)
        read = WatermarkDecoder("bits", len(BITS)).decode(_blue_first(image.resize((side, side))), self.method)
        return _right(read)


class BlindWatermark:
    """blind-watermark, at its defaults."""

    name = "blind-watermark"

    def put(self, image: Image.Image) -> Image.Image:
        with contextlib.redirect_stdout(io.StringIO()):
            from blind_watermark import WaterMark

            scheme = WaterMark(password_img=1, password_wm=1)
            scheme.read_img(img=_blue_first(image))
            scheme.read_wm(BITS, mode="bit")
            return _image(np.clip(np.rint(scheme.embed()), 0, 255).astype(np.uint8))

    def found(self, image: Image.Image, side: int) -> bool:
        from blind_watermark import WaterMark

        scheme = WaterMark(password_img=1, password_wm=1)
        pixels = _blue_first(image.resize((side, side)))
        return _right(scheme.extract(embed_img=pixels, wm_shape=len(BITS), mode="bit"))


SCHEMES: list[Any] = [Imwatermark("dwtDct"), Imwatermark("dwtDctSvd"), Imwatermark("rivaGan"), BlindWatermark()]


@functools.cache
def _load(side: Any) -> None:
    side.loadModel()


def _right(read: Any) -> bool:
    return sum(int(float(bit) > 0.5) == wanted for bit, wanted in zip(read, BITS, strict=True)) >= ENOUGH


def _blue_first(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB"))[:, :, ::-1].copy()


def _image(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(pixels[:, :, ::-1]).astype(np.uint8))
