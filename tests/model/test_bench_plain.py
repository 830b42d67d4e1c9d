"""The other side of the benches takes a folder as the server does: either family, with notes or without."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from afterimage.contracts.generation import GenerationJob
from afterimage_model.predictor import Predictor

from bench.model import plain


@pytest.mark.parametrize(
    ("fixture", "kind"), [("tiny_folder", "StableDiffusionPipeline"), ("tiny_xl_folder", "StableDiffusionXLPipeline")]
)
def test_a_folder_of_either_family_is_called_with_what_the_server_takes(
    fixture: str, kind: str, request: pytest.FixtureRequest, load: Callable[[Path], Predictor]
) -> None:
    folder: Path = request.getfixturevalue(fixture)
    pipeline = plain.load(folder, 1)
    assert type(pipeline).__name__ == kind
    arguments = plain.defaults(folder)
    plan = load(folder).plan(GenerationJob(job_id="j-1", prompt="a", seeds=(1,)))
    assert arguments == {"num_inference_steps": plan.steps, "guidance_scale": plan.guidance}
    pictures = plain.make(pipeline, ["a", "b"], [1, 2], **arguments | {"num_inference_steps": 2})
    assert [picture.size for picture in pictures] == [(plan.width, plan.height)] * 2


def test_the_notes_of_a_folder_win(tiny_xl_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_xl_folder, tmp_path / "model")
    (folder / "afterimage.json").write_text(json.dumps({"default_steps": 4, "default_guidance": 0.0}))
    assert plain.defaults(folder) == {"num_inference_steps": 4, "guidance_scale": 0.0}
