"""The world of the shipped model: scenes depend on their seed alone, captions tell the truth, the grader can see."""

import json
from pathlib import Path
from random import Random

import numpy as np
import pytest
from demo.captions import caption
from demo.drawing import draw
from demo.fidelity import Case, drawn_score, landscapes, one_object, wrong_score
from demo.scenes import HELD_OUT, SIDE, Shape, scene_of
from demo.words import OTHER_WORDS, vocabulary

WEIGHTS = Path(__file__).parents[2] / "model" / "demo" / "weights"


def test_a_scene_and_its_pixels_depend_on_the_seed_alone() -> None:
    pictures = [np.asarray(draw(scene_of(seed))) for seed in range(40)]
    again = [np.asarray(draw(scene_of(seed))) for seed in reversed(range(40))][::-1]
    assert all(np.array_equal(one, other) for one, other in zip(pictures, again, strict=True))
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)
    assert all(picture.shape == (SIDE, SIDE, 3) for picture in pictures)


def test_training_never_shows_a_held_out_pair() -> None:
    scenes = [scene_of(seed) for seed in range(4_000)]
    shown = {(scene.colour, scene.shape) for scene in scenes if isinstance(scene, Shape)}
    assert not shown & HELD_OUT
    assert len(shown) == 9 * 5 - len(HELD_OUT)


def test_captions_differ_and_go_down_to_one_word() -> None:
    rng, scene = Random(0), scene_of(0)
    captions = {caption(scene, rng) for _ in range(300)}
    assert len(captions) > 150
    assert any(len(text.split()) == 1 for text in captions)


def test_the_shipped_folder_knows_the_words_of_its_world() -> None:
    notes = json.loads((WEIGHTS / "afterimage.json").read_text(encoding="utf-8"))
    assert notes["known_words"] == vocabulary()
    assert {"cat", "dragon", "astronaut"} <= set(OTHER_WORDS) - set(vocabulary())


@pytest.mark.parametrize(
    "cases",
    [one_object(150, seed=11), one_object(100, seed=12, held_out=True), landscapes(150, seed=13)],
    ids=["shapes", "held-out pairs", "landscapes"],
)
def test_the_grader_is_right_about_drawn_pictures_and_near_chance_on_wrong_prompts(cases: list[Case]) -> None:
    assert set(drawn_score(cases).values()) == {1.0}
    wrong = wrong_score(cases)
    assert wrong["everything"] < 0.1
    assert max(wrong.values()) < 0.6
