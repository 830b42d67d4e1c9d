"""Real inference on tiny pipelines: seeds decide pictures, warnings say what was not used, faults leave it usable."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from afterimage.contracts.generation import GenerationJob
from afterimage_model.errors import (
    Cancelled,
    DeviceError,
    GenerationFailed,
    ModelFolderError,
    OutOfMemory,
    OutsideLimits,
    SchedulerNotSupported,
)
from afterimage_model.pipeline import pick_device
from afterimage_model.predictor import Predictor
from afterimage_model.run import Step
from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from PIL import Image
from transformers import CLIPConfig, CLIPImageProcessorPil


def job(**values: Any) -> GenerationJob:
    return GenerationJob(job_id="j-1", **{"prompt": "a cat", "seeds": (1,), "steps": 2, **values})


def pixels(predictor: Predictor, **values: Any) -> list[bytes]:
    return [picture.image.tobytes() for picture in predictor.predict(job(**values)).pictures]


@pytest.mark.parametrize("name", ["predictor", "xl_predictor"])
@pytest.mark.parametrize(
    "scheduler", ["EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler", "DPMSolverMultistepScheduler"]
)
def test_a_seed_gives_the_same_picture_alone_and_among_others(
    name: str, scheduler: str, request: pytest.FixtureRequest
) -> None:
    model = request.getfixturevalue(name)
    together = pixels(model, seeds=(1, 2, 3), scheduler=scheduler)
    alone = [pixels(model, seeds=(seed,), scheduler=scheduler)[0] for seed in (1, 2, 3)]
    assert together == alone
    assert len(set(together)) == 3


def test_one_job_leaves_no_trace_in_the_next(predictor: Predictor) -> None:
    before = pixels(predictor)
    predictor.predict(job(seeds=(9,), scheduler="HeunDiscreteScheduler", guidance=3.0, width=96))
    assert pixels(predictor) == before


def test_prompt_guidance_steps_and_scheduler_all_change_the_picture(predictor: Predictor) -> None:
    variants = [
        pixels(predictor),
        pixels(predictor, prompt="a dog"),
        pixels(predictor, negative_prompt="a dog"),
        pixels(predictor, guidance=3.0),
        pixels(predictor, steps=3),
        pixels(predictor, scheduler="DDIMScheduler"),
    ]
    assert len({variant[0] for variant in variants}) == len(variants)


def test_width_and_height_are_the_pictures_own(predictor: Predictor) -> None:
    (picture,) = predictor.predict(job(width=96, height=72)).pictures
    assert picture.image.size == (96, 72)


def test_an_unknown_scheduler_is_refused_with_the_known_ones(predictor: Predictor) -> None:
    with pytest.raises(SchedulerNotSupported, match=r"DDIMScheduler.*not 'BestScheduler'"):
        predictor.predict(job(scheduler="BestScheduler"))


def test_a_model_that_predicts_flow_offers_only_what_can_step_with_it(
    load: Callable[[Path], Predictor], tiny_folder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_folder, tmp_path / "flow")
    flow = {"prediction_type": "flow_prediction", "use_flow_sigmas": True, "final_sigmas_type": "zero"}
    DPMSolverMultistepScheduler(**flow).save_pretrained(folder / "scheduler")
    index = json.loads((folder / "model_index.json").read_text())
    index["scheduler"] = ["diffusers", "DPMSolverMultistepScheduler"]
    (folder / "model_index.json").write_text(json.dumps(index))
    model = load(folder)
    with pytest.raises(SchedulerNotSupported, match="UniPCMultistepScheduler"):
        model.predict(job(scheduler="EulerDiscreteScheduler"))
    assert pixels(model, scheduler="UniPCMultistepScheduler") != pixels(model)


def test_what_clip_cuts_is_said_word_for_word(predictor: Predictor) -> None:
    fits = "abcde " * 15  # a token per letter, 75 of the window's 77 beside the start and end marks
    prediction = predictor.plan(job(prompt=fits + "Ünd the rest"))
    assert [(warning.code, warning.detail) for warning in prediction.warnings] == [("prompt_cut", "Ünd the rest")]
    assert predictor.plan(job(prompt=fits)).warnings == ()


def test_a_cut_end_does_not_reach_the_picture(predictor: Predictor) -> None:
    fits = "abcde " * 15
    assert pixels(predictor, prompt=fits + "one end") == pixels(predictor, prompt=fits + "another")


def test_a_negative_prompt_without_guidance_is_ignored_aloud(predictor: Predictor) -> None:
    plan = predictor.plan(job(negative_prompt="a dog", guidance=1.0))
    assert [(warning.code, warning.detail) for warning in plan.warnings] == [("parameter_ignored", "negative_prompt")]


def test_words_the_model_never_saw_are_named(
    load: Callable[[Path], Predictor], tiny_folder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_folder, tmp_path / "words")
    (folder / "afterimage.json").write_text(json.dumps({"known_words": ["a", "red", "circle"]}))
    plan = load(folder).plan(job(prompt="A crimson circle, a Zebra, crimson 3"))
    assert [(warning.code, warning.detail) for warning in plan.warnings] == [("unknown_words", "crimson, zebra")]


@pytest.fixture(scope="module", params=[-1.0, 1.0], ids=["flags all", "flags none"])
def checked(
    request: pytest.FixtureRequest, load: Callable[[Path], Predictor], tiny_folder: Path, tmp_path_factory: Any
) -> tuple[bool, Predictor]:
    """A folder with a real safety checker whose thresholds flag everything or nothing."""
    torch.manual_seed(0)
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = CLIPConfig(vision_config={**vision, "image_size": 32, "patch_size": 16}, projection_dim=8)
    checker = StableDiffusionSafetyChecker(config)
    checker.concept_embeds_weights.data.fill_(request.param)
    checker.special_care_embeds_weights.data.fill_(request.param)
    extractor = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    pipeline = StableDiffusionPipeline.from_pretrained(
        tiny_folder, safety_checker=checker, feature_extractor=extractor, local_files_only=True
    )
    folder = tmp_path_factory.mktemp("checked")
    pipeline.save_pretrained(folder, safe_serialization=True)
    return request.param < 0, load(folder)


def test_the_safety_checkers_verdict_is_data_and_the_picture_stays(
    checked: tuple[bool, Predictor], predictor: Predictor
) -> None:
    flagged, model = checked
    pictures = model.predict(job(seeds=(1, 2))).pictures
    assert [picture.flagged for picture in pictures] == [flagged, flagged]
    assert [picture.image.tobytes() for picture in pictures] == pixels(predictor, seeds=(1, 2))


def test_a_picture_that_was_sent_is_judged_by_the_same_checker(checked: tuple[bool, Predictor]) -> None:
    flagged, model = checked
    assert model.flags([Image.new("RGB", (300, 20), "red"), Image.new("RGB", (64, 64), "red")]) is flagged


def test_without_a_safety_checker_there_is_no_verdict(predictor: Predictor) -> None:
    assert predictor.predict(job()).pictures[0].flagged is None
    assert predictor.flags([Image.new("RGB", (64, 64))]) is None


def test_a_cancel_between_steps_ends_the_job_and_leaves_the_model_usable(predictor: Predictor) -> None:
    before = pixels(predictor, steps=4)
    seen = []

    def cancel_after_two(step: Step) -> None:
        seen.append((step.step, step.steps))
        if step.step == 2:
            raise Cancelled("the job was cancelled")

    with pytest.raises(Cancelled):
        predictor.predict(job(steps=4), on_step=cancel_after_two)
    assert seen == [(1, 4), (2, 4)]
    assert pixels(predictor, steps=4) == before


def test_steps_are_counted_over_all_pictures(tiny_folder: Path) -> None:
    one_at_a_time = Predictor(str(tiny_folder), device="cpu", threads=1, warm_up=False, max_batch=1)
    one_at_a_time.setup()
    seen: list[Step] = []
    one_at_a_time.predict(job(seeds=(1, 2)), on_step=seen.append)
    assert seen == [Step(1, 4, 0, 2), Step(2, 4, 0, 2), Step(3, 4, 1, 2), Step(4, 4, 1, 2)]


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: not enough memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory"),
    ],
    ids=["cuda", "cpu", "cpu on Linux"],
)
def test_running_out_of_memory_is_a_fault_of_its_own(predictor: Predictor, error: RuntimeError) -> None:
    def no_memory(step: Step) -> None:
        raise error

    with pytest.raises(OutOfMemory) as caught:
        predictor.predict(job(), on_step=no_memory)
    assert caught.value.status == 507
    assert caught.value.retryable


def test_another_runtime_error_is_not_taken_for_memory(predictor: Predictor) -> None:
    def broken(step: Step) -> None:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes do not match"):
        predictor.predict(job(), on_step=broken)


def test_half_precision_weights_run_in_fp32_on_the_cpu(
    load: Callable[[Path], Predictor], tiny_folder: Path, tmp_path: Path
) -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(tiny_folder, dtype=torch.float16, local_files_only=True)
    pipeline.save_pretrained(tmp_path, safe_serialization=True, variant="fp16")
    model = load(tmp_path)
    prediction = model.predict(job())
    assert prediction.versions["dtype"] == "float32"
    assert prediction.pictures[0].image.getextrema() != ((0, 0), (0, 0), (0, 0))


def test_versions_name_model_libraries_and_hardware(predictor: Predictor) -> None:
    versions = predictor.predict(job()).versions
    assert versions["torch"] == torch.__version__
    assert (versions["device"], versions["dtype"], versions["threads"]) == ("cpu", "float32", "1")
    assert set(versions) == {"model", "model_version", "torch", "diffusers", "device", "dtype", "threads"}


def test_a_folder_that_does_not_load_says_so(tmp_path: Path, tiny_folder: Path) -> None:
    with pytest.raises(ModelFolderError, match="there is no model folder"):
        Predictor(str(tmp_path / "absent")).setup()
    folder = shutil.copytree(tiny_folder, tmp_path / "broken")
    shutil.rmtree(folder / "unet")
    with pytest.raises(ModelFolderError, match="does not load"):
        Predictor(str(folder)).setup()


def test_a_gpu_that_torch_cannot_use_is_an_error_and_not_a_slow_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    control_file = tmp_path / "nvidiactl"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto", str(control_file)) == "cpu"
    control_file.touch()
    assert pick_device("cpu", str(control_file)) == "cpu"
    for device in ("auto", "cuda", "cuda:1"):
        with pytest.raises(DeviceError, match="driver"):
            pick_device(device, str(control_file))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("auto", str(control_file)) == "cuda"


def test_predicting_before_setup_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(GenerationFailed):
        Predictor(str(tmp_path)).predict(job())


def test_the_models_limits_are_derived_from_its_networks(predictor: Predictor) -> None:
    with pytest.raises(OutsideLimits, match="width must lie between 32 and 128, not 136"):
        predictor.predict(job(width=136))
