"""The tiny pipelines load like any folder, offline, and are tiny and quick."""

from collections.abc import Callable
from pathlib import Path
from time import monotonic

import pytest
import torch
from diffusers import DiffusionPipeline
from tiny_pipeline import make_tiny_pipeline, make_tiny_xl_pipeline


@pytest.mark.parametrize("make", [make_tiny_pipeline, make_tiny_xl_pipeline])
def test_a_tiny_pipeline_loads_and_draws(make: Callable[[Path], Path], tmp_path: Path) -> None:
    folder = make(tmp_path)
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) < 2_000_000
    pipeline = DiffusionPipeline.from_pretrained(folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    start = monotonic()
    pictures = [
        pipeline("a cat", width=64, height=64, num_inference_steps=2, generator=torch.Generator().manual_seed(seed))
        .images[0]
        .tobytes()
        for seed in (1, 1, 2)
    ]
    assert monotonic() - start < 9
    assert pictures[0] == pictures[1] != pictures[2]
