"""How often a picture shows what its prompt asked for: `python -m world.fidelity FOLDER` prints the table.

Every set of prompts is measured four times: on drawn pictures, which is the grader's own check, on drawn pictures held
against another prompt, which is chance, on drawn pictures after the autoencoder, which is the most that diffusion can
reach, and on the model's pictures.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any, Final

import torch
from diffusers import AutoencoderTiny, StableDiffusionPipeline
from diffusers.image_processor import VaeImageProcessor
from PIL import Image

from world.captions import TOLD, caption
from world.drawing import draw
from world.scenes import HELD_OUT, LOOKS, Landscape, Plain, Scene, landscape, one_object, some_alike, two_objects
from world.see_landscape import see_landscape, shows
from world.see_look import see_look
from world.see_plain import Seen, see_plain

BATCH: Final = 16
Marks = dict[str, bool]


@dataclass(frozen=True, slots=True)
class Case:
    """A prompt and the scene it describes."""

    prompt: str
    scene: Scene


def plain_words(scene: Plain, rng: Random) -> str:
    """One object in plain words, nothing left out."""
    (item,) = scene.items
    size = "" if scene.size == "medium" else f"{scene.size} "
    subject = f"{size}{item.colour} {item.kind}"
    wording = rng.choice(("a {} on a {} background", "{}, {} background", "{} on {}"))
    return wording.format(subject, scene.background)


def single(count: int, seed: int, held_out: bool = False) -> list[Case]:
    """Prompts for one object on a background; `held_out` pairs were never trained on."""
    rng, pairs = Random(seed), sorted(HELD_OUT)
    cases = []
    for _ in range(count):
        colour, kind = rng.choice(pairs) if held_out else (None, None)
        scene = one_object(rng, kind, colour, look="flat")
        cases.append(Case(plain_words(scene, rng), scene))
    return cases


def worded(count: int, seed: int, scene_of: Callable[[Random], Scene]) -> list[Case]:
    """Prompts that name everything in a scene, in the words and orders of training captions."""
    rng = Random(seed)
    scenes = [scene_of(rng) for _ in range(count)]
    return [Case(caption(scene, rng, TOLD), scene) for scene in scenes]


def in_a_look(rng: Random) -> Scene:
    """A scene in a look other than flat."""
    return rng.choice((one_object, landscape))(rng, look=rng.choice(LOOKS[1:]))


SETS: Final[dict[str, Callable[[int], list[Case]]]] = {
    "one object": lambda count: single(count, seed=1),
    "one object, held-out pairs": lambda count: single(count, seed=2, held_out=True),
    "two objects": lambda count: worded(count, 4, two_objects),
    "several alike": lambda count: worded(count, 5, some_alike),
    "landscape": lambda count: worded(count, 3, lambda rng: landscape(rng, look="flat")),
    "looks": lambda count: worded(count, 6, in_a_look),
}


def _judge_plain(scene: Plain, picture: Image.Image) -> Marks:
    seen = see_plain(picture)
    marks = {"background": seen.background == scene.background}
    asked, found = list(scene.items), list(seen.objects)
    if len(asked) > 1:
        marks["count"] = len(found) == len(asked)
    marks["colour"] = sorted(item.colour for item in asked) == sorted(one.colour for one in found)
    marks["shape"] = sorted(item.kind for item in asked) == sorted(one.kind or "" for one in found)
    if len(asked) == 1 and scene.size != "medium":
        marks["size"] = len(found) == 1 and found[0].size == scene.size
    if scene.relation:
        marks["relation"] = len(found) == 2 and _related(scene, found)
        pairs = sorted((item.kind, item.colour) for item in asked)
        marks["binding"] = pairs == sorted((one.kind or "", one.colour) for one in found)
    return marks


def _related(scene: Plain, found: list[Seen]) -> bool:
    """Whether the object most like the first one asked for is where it should be, seen from the other."""
    item = scene.items[0]
    found = sorted(found, key=lambda one: -((one.colour == item.colour) + (one.kind == item.kind)))
    across, down = found[0].x - found[1].x, found[0].y - found[1].y
    if abs(across) > abs(down):
        return scene.relation == ("left" if across < 0 else "right")
    return scene.relation == ("above" if down < 0 else "below")


def _judge_landscape(scene: Landscape, picture: Image.Image) -> Marks:
    seen = see_landscape(picture)
    marks = {"time": scene.time in seen, "ground": scene.ground in seen}
    if scene.thing:
        marks["thing"] = shows(picture, scene.thing)
    if scene.mountains:
        marks["mountains"] = "mountains" in seen
    if scene.light:
        marks["sun or moon"] = scene.light in seen
    for fact, asked in (("stars", scene.stars), ("clouds", scene.clouds)):
        if asked:
            marks[fact] = fact in seen
    return marks


def judge(case: Case, picture: Image.Image) -> Marks:
    """Whether each thing asked for is in the picture."""
    scene = case.scene
    if scene.look != "flat":
        return {scene.look: see_look(picture) == scene.look}
    marks = _judge_plain(scene, picture) if isinstance(scene, Plain) else _judge_landscape(scene, picture)
    return marks | {"everything": all(marks.values())}


def shares(marks: Iterable[Marks]) -> dict[str, float]:
    """Share of the pictures that got each thing right, among those asked for it."""
    by_kind: dict[str, list[bool]] = {}
    for mark in marks:
        for kind, right in mark.items():
            by_kind.setdefault(kind, []).append(right)
    return {kind: sum(rights) / len(rights) for kind, rights in by_kind.items()}


def generate(pipeline: StableDiffusionPipeline, prompts: list[str], steps: int, guidance: float) -> list[Image.Image]:
    """One picture per prompt, with the prompt's place in the list as its seed."""
    pictures: list[Image.Image] = []
    for start in range(0, len(prompts), BATCH):
        batch = prompts[start : start + BATCH]
        seeds = [torch.Generator().manual_seed(start + offset) for offset in range(len(batch))]
        pictures += pipeline(batch, num_inference_steps=steps, guidance_scale=guidance, generator=seeds).images
    return pictures


def score(pipeline: StableDiffusionPipeline, cases: list[Case], steps: int, guidance: float) -> dict[str, float]:
    """What the pipeline gets right of the cases."""
    pictures = generate(pipeline, [case.prompt for case in cases], steps, guidance)
    return shares(judge(case, picture) for case, picture in zip(cases, pictures, strict=True))


def drawn_score(cases: list[Case]) -> dict[str, float]:
    """The grader's own check: pictures drawn from the scenes; everything should be right."""
    return shares(judge(case, draw(case.scene)) for case in cases)


def wrong_score(cases: list[Case]) -> dict[str, float]:
    """The grader's other check: each picture held against the next prompt; what is right is chance."""
    moved = [*cases[1:], cases[0]]
    return shares(judge(case, draw(other.scene)) for case, other in zip(cases, moved, strict=True))


@torch.no_grad()
def squeezed_score(vae: AutoencoderTiny, cases: list[Case]) -> dict[str, float]:
    """What is still right of drawn pictures when they have been through the autoencoder."""
    processor, copies = VaeImageProcessor(), []
    for start in range(0, len(cases), BATCH):
        pictures = processor.preprocess([draw(case.scene) for case in cases[start : start + BATCH]])
        pictures = pictures.to(vae.device, memory_format=torch.channels_last)
        copies += processor.postprocess(vae.decode(vae.encode(pictures).latents).sample)
    return shares(judge(case, copy) for case, copy in zip(cases, copies, strict=True))


def load(folder: Path) -> StableDiffusionPipeline:
    """The folder as any Stable Diffusion folder is loaded, in 32 bits."""
    pipeline: Any = StableDiffusionPipeline.from_pretrained(folder, local_files_only=True, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def print_table(rows: dict[str, dict[str, float]], count: int) -> None:
    """Prints percentages, one row per measurement."""
    kinds = list(dict.fromkeys(kind for row in rows.values() for kind in row))
    print("| % right, n = " + str(count) + " | " + " | ".join(kinds) + " |")
    print("|---" * (len(kinds) + 1) + "|")
    for name, row in rows.items():
        print(f"| {name} | " + " | ".join(f"{100 * row[kind]:.1f}" if kind in row else "" for kind in kinds) + " |")


def main(arguments: list[str]) -> None:
    """Measures a folder on every set of prompts, beside what the grader says of drawn pictures and wrong prompts."""
    parser = argparse.ArgumentParser(prog="python -m world.fidelity", description=__doc__)
    parser.add_argument("folder", type=Path, help="a diffusers folder with an afterimage.json")
    parser.add_argument("--count", type=int, default=500, help="prompts per row (default 500)")
    parser.add_argument("--steps", type=int, help="steps (default: the folder's own)")
    parser.add_argument("--guidance", type=float, help="guidance scale (default: the folder's own)")
    parser.add_argument("--threads", type=int, default=1, help="processor threads (default 1)")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(chosen.threads)
    defaults = json.loads((chosen.folder / "afterimage.json").read_text(encoding="utf-8"))
    steps = defaults["default_steps"] if chosen.steps is None else chosen.steps
    guidance = defaults["default_guidance"] if chosen.guidance is None else chosen.guidance
    pipeline = load(chosen.folder)
    rows: dict[str, dict[str, float]] = {}
    start = monotonic()
    for name, make in SETS.items():
        cases = make(chosen.count)
        rows[f"{name}: drawn"] = drawn_score(cases)
        rows[f"{name}: wrong prompt"] = wrong_score(cases)
        rows[f"{name}: autoencoder"] = squeezed_score(pipeline.vae, cases)
        rows[f"{name}: the model"] = score(pipeline, cases, steps, guidance)
    print_table(rows, chosen.count)
    print(f"\n{steps} steps, guidance {guidance}, {monotonic() - start:.0f} s on {chosen.threads} threads")


if __name__ == "__main__":
    main(sys.argv[1:])
