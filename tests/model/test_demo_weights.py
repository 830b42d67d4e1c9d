"""The weights in the repository: a plain diffusers folder, small, offline, whose pictures show what was asked."""

import json
from pathlib import Path

import pytest
import torch
from demo.fidelity import generate, load
from demo.grader import see_landscape, see_shape
from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline

WEIGHTS = Path(__file__).parents[2] / "model" / "demo" / "weights"
NOTES = json.loads((WEIGHTS / "afterimage.json").read_text(encoding="utf-8"))
SEEDS = 5


@pytest.fixture(scope="module")
def pipeline() -> StableDiffusionPipeline:
    return load(WEIGHTS)


def draw_each(pipeline: StableDiffusionPipeline, prompt: str) -> list[bytes]:
    """Raw pixels of the prompt's pictures at the folder's defaults, one per seed."""
    pictures = generate(pipeline, [prompt] * SEEDS, NOTES["default_steps"], NOTES["default_guidance"])
    return [picture.tobytes() for picture in pictures]


def test_the_folder_is_small_and_holds_no_pickle() -> None:
    files = [file for file in WEIGHTS.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= 12_000_000
    assert {file.suffix for file in files} <= {".json", ".safetensors"}


def test_plain_diffusers_loads_it_in_32_bits_unasked() -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(WEIGHTS, local_files_only=True)
    assert {part.dtype for part in (pipeline.unet, pipeline.vae, pipeline.text_encoder)} == {torch.float32}
    picture = pipeline("a house", num_inference_steps=1, generator=torch.Generator().manual_seed(0)).images[0]
    assert picture.size == (64, 64)


def test_it_is_a_stable_diffusion_pipeline_without_a_safety_checker(pipeline: StableDiffusionPipeline) -> None:
    assert type(pipeline) is StableDiffusionPipeline
    assert isinstance(pipeline.scheduler, DPMSolverMultistepScheduler)
    assert pipeline.unet.dtype == torch.float32
    assert pipeline.safety_checker is None


@pytest.mark.parametrize(
    ("prompt", "background", "colour", "shape"),
    [
        ("a red circle on a blue background", "blue", "red", "circle"),
        ("A YELLOW STAR ON BLACK", "black", "yellow", "star"),
        ("white background, pink heart", "white", "pink", "heart"),
        ("please draw a big green triangle on a white background", "white", "green", "triangle"),
    ],
)
def test_a_shape_comes_out_as_asked(
    pipeline: StableDiffusionPipeline, prompt: str, background: str, colour: str, shape: str
) -> None:
    pictures = generate(pipeline, [prompt] * SEEDS, NOTES["default_steps"], NOTES["default_guidance"])
    seen = [see_shape(picture) for picture in pictures]
    right = [(one.background, one.colour, one.shape) == (background, colour, shape) for one in seen]
    assert sum(right) > SEEDS / 2, seen


@pytest.mark.parametrize(
    ("prompt", "things"),
    [
        ("a boat at sunset", {"boat", "sea", "sunset"}),
        ("a house in the snow", {"house", "snow"}),
        ("a tree at night under the moon", {"tree", "night", "moon"}),
        ("mountains", {"mountains"}),
    ],
)
def test_a_landscape_shows_what_was_asked(pipeline: StableDiffusionPipeline, prompt: str, things: set[str]) -> None:
    pictures = generate(pipeline, [prompt] * SEEDS, NOTES["default_steps"], NOTES["default_guidance"])
    seen = [see_landscape(picture) for picture in pictures]
    assert sum(things <= one for one in seen) > SEEDS / 2, seen


def test_seeds_differ_and_repeat(pipeline: StableDiffusionPipeline) -> None:
    first, second = draw_each(pipeline, "a house"), draw_each(pipeline, "a house")
    assert first == second
    assert len(set(first)) == SEEDS
