"""The other side of every comparison: diffusers alone, as somebody would write it, with the same weights and threads.

Run as a program it starts, makes pictures at once and prints its peak memory: FOLDER THREADS PICTURES STEPS.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

STARTED = time.perf_counter()
PROMPTS = ("a red circle on a blue background", "a house in the snow", "a boat at sunset", "a green tree at night")


def pipeline_class(model: Path) -> str:
    """What the folder says it is: a Stable Diffusion or an SDXL pipeline."""
    return str(json.loads((model / "model_index.json").read_text(encoding="utf-8"))["_class_name"])


def load(model: Path, threads: int) -> Any:
    """The pipeline as from_pretrained leaves it."""
    import diffusers
    import torch

    torch.set_num_threads(threads)
    pipeline = getattr(diffusers, pipeline_class(model)).from_pretrained(model, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def defaults(model: Path) -> dict[str, Any]:
    """What the server takes where a job names nothing, also of a folder without notes."""
    notes = model / "afterimage.json"
    named = json.loads(notes.read_text(encoding="utf-8")) if notes.exists() else {}
    guidance = 5.0 if "XL" in pipeline_class(model) else 7.5
    return {
        "num_inference_steps": named.get("default_steps", 30),
        "guidance_scale": named.get("default_guidance", guidance),
    }


def make(pipeline: Any, prompts: list[str], seeds: list[int], **arguments: Any) -> list[Any]:
    """One call of the pipeline with one generator per picture."""
    import torch

    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    return list(pipeline(prompts, generator=generators, **arguments).images)


def main() -> None:
    model, threads, pictures, steps = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    import diffusers
    import torch  # noqa: F401  the imports are timed apart from the rest

    getattr(diffusers, pipeline_class(model))  # diffusers imports a pipeline where it is named
    imported = time.perf_counter() - STARTED
    pipeline = load(model, threads)
    loaded = time.perf_counter() - STARTED
    arguments = defaults(model) | ({"num_inference_steps": steps} if steps else {})
    make(pipeline, [PROMPTS[number % len(PROMPTS)] for number in range(pictures)], list(range(pictures)), **arguments)
    from bench.model.server import peak_bytes

    times = {"imported_s": imported, "loaded_s": loaded, "made_s": time.perf_counter() - STARTED}
    print(json.dumps({**times, "peak_bytes": peak_bytes(os.getpid())}))


if __name__ == "__main__":
    main()
