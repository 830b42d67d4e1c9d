"""The door and the demo model agree on what the model makes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from afterimage.domain.model_profiles import model_profiles
from afterimage.domain.request import MAX_COUNT

WEIGHTS = Path(__file__).parent.parent.parent / "model" / "demo" / "weights"
LIMITS = json.loads((WEIGHTS / "afterimage.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "name", ["min_side", "max_side", "max_pixels", "max_steps", "default_steps", "default_guidance"]
)
def test_the_demo_profile_says_what_the_models_folder_says(name: str) -> None:
    assert getattr(model_profiles()["demo"], name) == LIMITS[name]


def test_a_request_without_a_size_gets_the_models_own() -> None:
    assert model_profiles()["demo"].size_for((2, 3)) == (LIMITS["default_width"], LIMITS["default_height"])


def test_the_model_makes_as_many_pictures_as_the_door_accepts() -> None:
    assert LIMITS["max_count"] >= MAX_COUNT
