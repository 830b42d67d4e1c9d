"""The watermark's bench comes to its end and counts what it says it counts."""

from __future__ import annotations

import pytest
from PIL import Image

from bench.model import watermark
from bench.model.pictures import KINDS, picture


def test_marked_pictures_are_found_and_plain_ones_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watermark, "SIDES", {64: 2})
    monkeypatch.setattr(watermark, "ALARMS", {64: 2})
    found = watermark.recovery(1.0)["64"]
    assert list(found["found_percent"]) == list(watermark.CHANGES)
    assert found["found_percent"]["none"] == {"scene": 100.0, "photograph": 100.0}
    assert found["found_percent"]["a quarter of the size"] == {"scene": 0.0, "photograph": 0.0}
    assert 30 < found["psnr_db"]["least"] <= found["psnr_db"]["median"] < 60
    alarms = watermark.alarms(1.0)["64"]
    assert (alarms["looked_at"], alarms["said_to_be_marked"]) == (6, 0)


def test_likeness_is_that_of_the_two_pictures() -> None:
    grey = Image.new("RGB", (64, 64), "#808080")
    brighter = Image.new("RGB", (64, 64), "#818181")
    assert watermark.likeness(grey, brighter)[0] == pytest.approx(48.13, abs=0.01)
    scene = picture("scene", 1, 64)
    assert watermark.likeness(scene, scene.transpose(Image.Transpose.ROTATE_90))[1] < 0.9


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", [64, 128, 256])
def test_a_number_is_always_the_same_picture(kind: str, side: int) -> None:
    one, other, next_one = picture(kind, 3, side), picture(kind, 3, side), picture(kind, 4, side)
    assert (one.size, one.mode) == ((side, side), "RGB")
    assert one.tobytes() == other.tobytes() != next_one.tobytes()
