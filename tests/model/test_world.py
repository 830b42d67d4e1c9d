"""The drawn world: scenes depend on their seed alone, captions tell the truth about words, the grader can see."""

from random import Random

import numpy as np
import pytest
from afterimage_model.train import tokenizer
from PIL import Image
from world.captions import TOLD, caption
from world.config import DiffusionConfig
from world.drawing import draw
from world.fidelity import SETS, drawn_score, judge, wrong_score
from world.outdoors import OUTDOORS
from world.palette import COLOURS, SUN
from world.pen import SIDE
from world.scenes import HELD_OUT, LOOKS, NATURAL, STANDING, Item, Landscape, Plain, landscape, one_object, scene_of
from world.see_landscape import see_landscape
from world.see_plain import distance
from world.things import KINDS
from world.views import RADII
from world.words import NAMES, OTHER_WORDS, vocabulary

FEW = 120
CHANCE = {"count": 1.0, "relation": 0.35, "sun or moon": 0.6}
"""The most that a wrong prompt may get right, where it is more than the half that binary questions leave."""


def heart(colour: str, background: str, look: str = "flat") -> Plain:
    """A big heart in the middle."""
    return Plain(background, (Item("heart", colour, 64, 64, 48),), "big", None, look)


def test_a_scene_and_its_pixels_depend_on_the_seed_alone() -> None:
    pictures = [np.asarray(draw(scene_of(seed))) for seed in range(40)]
    again = [np.asarray(draw(scene_of(seed))) for seed in reversed(range(40))][::-1]
    assert all(np.array_equal(one, other) for one, other in zip(pictures, again, strict=True))
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)
    assert all(picture.shape == (SIDE, SIDE, 3) for picture in pictures)


def test_training_never_shows_a_held_out_pair() -> None:
    scenes = [scene_of(seed) for seed in range(12_000)]
    shown = {(item.colour, item.kind) for scene in scenes if isinstance(scene, Plain) for item in scene.items}
    shown |= {(scene.colour, scene.thing) for scene in scenes if isinstance(scene, Landscape)}
    assert not shown & HELD_OUT
    assert {(colour, kind) for colour in COLOURS for kind in KINDS} - HELD_OUT <= shown


def test_every_look_sort_and_thing_comes() -> None:
    scenes = [scene_of(seed) for seed in range(4_000)]
    assert {scene.look for scene in scenes} == set(LOOKS)
    assert {len(scene.items) for scene in scenes if isinstance(scene, Plain)} == {1, 2, 3, 4}
    things = {scene.thing for scene in scenes if isinstance(scene, Landscape)}
    assert things == {thing for some in STANDING.values() for thing in some}


def test_whatever_may_stand_somewhere_can_be_painted_placed_and_named() -> None:
    outdoors = {thing for some in STANDING.values() for thing in some if thing}
    assert outdoors <= set(KINDS | OUTDOORS) & set(RADII) & set(NATURAL) & set(NAMES)
    assert set(KINDS) | set(COLOURS) <= set(NAMES)


def test_captions_differ_and_go_down_to_one_word() -> None:
    rng = Random(0)
    captions = {caption(scene_of(seed % 3), rng) for seed in range(600)}
    assert len(captions) > 300
    assert {"heart", "red", "blue background"} <= {caption(heart("red", "blue"), rng) for _ in range(3_000)}


def test_an_unnamed_look_is_flat_and_ink_has_no_colours() -> None:
    rng = Random(0)
    inked = " ".join(caption(heart("red", "blue", "line art"), rng, TOLD) for _ in range(200))
    assert "red" not in inked.split()
    assert "blue" not in inked.split()
    untold = sum(caption(heart("red", "blue", "line art"), rng) == "heart" for _ in range(2_000))
    assert untold < 20


def test_every_known_word_is_one_token_and_other_words_are_spelt() -> None:
    words = tokenizer.build(DiffusionConfig().tokens)
    assert [word for word in vocabulary() if len(words.tokenize(word)) != 1] == []
    assert len(words.tokenize("astronaut")) > 1
    assert {"dragon", "astronaut", "queen"} <= set(OTHER_WORDS) - set(vocabulary())


def test_captions_fit_the_window() -> None:
    words, rng = tokenizer.build(10_000), Random(1)
    lengths = [len(words(caption(scene_of(seed), rng)).input_ids) for seed in range(2_000)]
    assert sum(length > DiffusionConfig().tokens for length in lengths) < 20


@pytest.mark.parametrize("name", SETS)
def test_the_grader_is_right_about_drawn_pictures_and_near_chance_on_wrong_prompts(name: str) -> None:
    cases = SETS[name](FEW)
    assert set(drawn_score(cases).values()) == {1.0}
    wrong = wrong_score(cases)
    assert wrong.get("everything", 0.0) < 0.06
    assert [(kind, share) for kind, share in wrong.items() if share > CHANCE.get(kind, 0.5)] == []


def test_a_smear_is_no_object() -> None:
    pointed = ("star", "cat", "butterfly", "rocket", "flower", "diamond")
    cases = [case for case in SETS["one object, held-out pairs"](60) if case.scene.items[0].kind in pointed]
    assert len(cases) >= 20
    for case in cases:
        smeared = draw(case.scene).resize((9, 9)).resize((SIDE, SIDE))
        assert not judge(case, smeared)["everything"]


def test_two_suns_are_no_sun() -> None:
    scenes = [landscape(Random(seed), "flat") for seed in range(60)]
    days = [scene for scene in scenes if (scene.time, scene.light, scene.clouds) == ("day", "sun", False)]
    assert len(days) > 10
    for scene in days:
        one = np.asarray(draw(scene))
        mirrored = one[:, ::-1]
        in_the_sky = (np.arange(SIDE) < 45)[:, None]
        two = np.where((in_the_sky & (distance(mirrored, SUN["day"]) < 36))[..., None], mirrored, one)
        assert "sun" in see_landscape(Image.fromarray(one))
        assert "sun" not in see_landscape(Image.fromarray(two))


def test_a_held_out_pair_is_drawn_when_it_is_asked_for() -> None:
    scene = one_object(Random(1), "star", "red")
    assert (scene.items[0].kind, scene.items[0].colour) == ("star", "red")
