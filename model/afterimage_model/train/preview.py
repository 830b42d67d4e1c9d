"""What a run looks like while it runs: a grid of pictures and the first lines of the fidelity table."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from diffusers import AutoencoderTiny, StableDiffusionPipeline
from transformers import CLIPTokenizer
from world.fidelity import SETS, generate, score

from afterimage_model.train.export import GUIDANCE, STEPS, assemble
from afterimage_model.train.log import Log, grid

if TYPE_CHECKING:
    from afterimage_model.train.diffusion import Writer

COUNT: Final = 48
"""Prompts per line of the table: enough for a curve, too few for a card."""

PROMPTS: Final = (
    "a red circle on a blue background",
    "cat",
    "a house in the snow at night",
    "a boat at sunset",
    "rocket",
    "a red heart to the left of a yellow star",
    "a lighthouse, watercolour painting, loose washes",
    "mountains by the sea",
    "a green car on the beach",
    "three blue butterflies",
    "a tree on a hill under the moon",
    "a beautiful flower, pixel art",
    "robot, line art",
    "a dragon",
    "a green apple on black",
    "a mushroom above a pink fish",
)


def samples(pipeline: StableDiffusionPipeline, path: Path, columns: int = 6) -> None:
    """Saves one row of seeds for each of the first prompts: what a model card shows, unselected."""
    prompts = [prompt for prompt in PROMPTS[:8] for _ in range(columns)]
    grid(generate(pipeline, prompts, STEPS, GUIDANCE), columns).save(path, optimize=True)


def preview(path: Path, vae: AutoencoderTiny, writer: "Writer", words: CLIPTokenizer, curve: Path, step: int) -> None:
    """Saves a grid with three seeds of each prompt, and adds a row of scores to the curve."""
    pipeline = assemble(vae, writer.eval(), words)
    pictures = generate(pipeline, [prompt for prompt in PROMPTS for _ in range(3)], STEPS, GUIDANCE)
    path.parent.mkdir(parents=True, exist_ok=True)
    grid(pictures, columns=12).save(path)
    scores = {name: score(pipeline, make(COUNT), STEPS, GUIDANCE) for name, make in SETS.items()}
    marks = {f"{name}: {kind}": share for name, kinds in scores.items() for kind, share in kinds.items()}
    Log(curve).row(step=step, **marks)
    writer.train()
