"""How often a picture shows what its prompt asked for: `python -m demo.fidelity FOLDER` prints the table."""

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
from diffusers import StableDiffusionPipeline
from PIL import Image

from demo.captions import Wording, caption
from demo.drawing import draw
from demo.grader import see_landscape, see_shape
from demo.scenes import HELD_OUT, Landscape, Scene, Shape, landscape_scene, shape_scene

BATCH: Final = 16
TOLD: Final = Wording(opening=0.2, praise=0.1, ending=0.1, unknown=0.0, list_of_words=0.15, one_fact=0.0, keep=1.0)
"""Captions that leave nothing out, worded as people do."""


@dataclass(frozen=True, slots=True)
class Case:
    """A prompt and the scene it describes."""

    prompt: str
    scene: Scene


def one_object(count: int, seed: int, held_out: bool = False) -> list[Case]:
    """Prompts for one shape on a background, in plain words; `held_out` pairs were never trained on."""
    rng, cases, pairs = Random(seed), [], sorted(HELD_OUT)
    for _ in range(count):
        scene = shape_scene(rng, *reversed(rng.choice(pairs))) if held_out else shape_scene(rng)
        size = "" if scene.size == "medium" else f"{scene.size} "
        wording = rng.choice(
            (
                "a {size}{colour} {shape} on a {background} background",
                "{size}{colour} {shape}, {background} background",
                "{size}{colour} {shape} on {background}",
            )
        )
        prompt = wording.format(size=size, colour=scene.colour, shape=scene.shape, background=scene.background)
        cases.append(Case(prompt, scene))
    return cases


def landscapes(count: int, seed: int) -> list[Case]:
    """Prompts for landscapes that name everything in them, in the words and orders of training captions."""
    rng = Random(seed)
    scenes = [landscape_scene(rng) for _ in range(count)]
    return [Case(caption(scene, rng, TOLD), scene) for scene in scenes]


def facts(scene: Landscape) -> dict[str, set[str]]:
    """What a picture of the scene must show, by kind."""
    kinds = {
        "time": {scene.time},
        "ground": {scene.ground},
        "thing": {scene.thing} if scene.thing else set(),
        "mountains": {"mountains"} if scene.mountains else set(),
        "sun or moon": {scene.light} if scene.light else set(),
        "stars": {"stars"} if scene.stars else set(),
    }
    return {kind: things for kind, things in kinds.items() if things}


def judge(case: Case, picture: Image.Image) -> dict[str, bool]:
    """Whether each thing asked for is in the picture."""
    scene = case.scene
    if isinstance(scene, Shape):
        seen = see_shape(picture)
        marks = {
            "background": seen.background == scene.background,
            "colour": seen.colour == scene.colour,
            "shape": seen.shape == scene.shape,
        }
    else:
        things = see_landscape(picture)
        marks = {kind: asked <= things for kind, asked in facts(scene).items()}
    return marks | {"everything": all(marks.values())}


def shares(marks: Iterable[dict[str, bool]]) -> dict[str, float]:
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
    parser = argparse.ArgumentParser(prog="python -m demo.fidelity", description=__doc__)
    parser.add_argument("folder", type=Path, help="a diffusers folder with an afterimage.json")
    parser.add_argument("--count", type=int, default=100, help="prompts per row (default 100)")
    parser.add_argument("--steps", type=int, help="steps (default: the folder's own)")
    parser.add_argument("--guidance", type=float, help="guidance scale (default: the folder's own)")
    parser.add_argument("--threads", type=int, default=1, help="processor threads (default 1)")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(chosen.threads)
    defaults = json.loads((chosen.folder / "afterimage.json").read_text(encoding="utf-8"))
    steps = defaults["default_steps"] if chosen.steps is None else chosen.steps
    guidance = defaults["default_guidance"] if chosen.guidance is None else chosen.guidance
    pipeline = load(chosen.folder)
    sets: dict[str, Callable[[], list[Case]]] = {
        "one object": lambda: one_object(chosen.count, seed=1),
        "one object, held-out pairs": lambda: one_object(chosen.count, seed=2, held_out=True),
        "landscape": lambda: landscapes(chosen.count, seed=3),
    }
    rows: dict[str, dict[str, float]] = {}
    start = monotonic()
    for name, make in sets.items():
        cases = make()
        rows[f"{name}: drawn"] = drawn_score(cases)
        rows[f"{name}: wrong prompt"] = wrong_score(cases)
        rows[f"{name}: the model"] = score(pipeline, cases, steps, guidance)
    print_table(rows, chosen.count)
    print(f"\n{steps} steps, guidance {guidance}, {monotonic() - start:.0f} s on {chosen.threads} threads")


if __name__ == "__main__":
    main(sys.argv[1:])
