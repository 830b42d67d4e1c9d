"""The bench for a GPU comes to its end by itself wherever it runs: here with tiny networks on the processor."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.model.gpu import __main__ as gpu
from bench.model.gpu.architectures import TASKS, TINY_TASKS, build, call
from bench.model.gpu.variants import STACKED, Fp8Linear, channels_last, compiled, fp8


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return gpu.measure(tiny=True, device="cpu", budget_s=1e9)


def test_every_task_is_measured_in_every_variant_that_this_device_has(document: dict[str, Any]) -> None:
    assert {left["why"] for left in document["left_out"]} == {"NotHere: CUDA graphs need CUDA"}
    can = [name for name, _ in STACKED[:3]] + ["fp8, channels last, compiled"]
    assert {name: list(rows) for name, rows in document["tasks"].items()} == {task.name: can for task in TINY_TASKS}
    assert all(
        row["call_s"] > 0 and row["times_plain"] > 0 for rows in document["tasks"].values() for row in rows.values()
    )
    assert [(left["task"], left["variant"], left["why"]) for left in document["left_out"]] == [
        (task.name, "and a CUDA graph", "NotHere: CUDA graphs need CUDA") for task in TINY_TASKS
    ]


def test_what_does_not_fit_into_the_budget_is_named_and_nothing_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(**options: Any) -> None:
        raise AssertionError("nothing is begun after the budget")

    monkeypatch.setattr(gpu, "build", never)
    ticks = itertools.count(0, 100)
    found = gpu.measure(tiny=True, device="cpu", budget_s=50, clock=lambda: float(next(ticks)))
    assert {left["why"] for left in found["left_out"]} == {"the budget was spent"}
    assert len(found["left_out"]) == len(TINY_TASKS) * 5


def test_a_variant_that_fails_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(pipeline: Any) -> None:
        raise RuntimeError("no such kernel")

    monkeypatch.setattr("bench.model.gpu.variants.STACKED", (STACKED[0], ("broken", broken), STACKED[1]))
    monkeypatch.setattr("bench.model.gpu.variants.WITH_FP8", ())
    found = gpu.measure(tiny=True, device="cpu", budget_s=1e9)
    assert {left["why"] for left in found["left_out"]} == {"RuntimeError: no such kernel"}
    assert all(list(rows) == [STACKED[0][0], STACKED[1][0]] for rows in found["tasks"].values())


@pytest.mark.parametrize("task", TINY_TASKS, ids=lambda task: task.name)
def test_what_makes_it_faster_leaves_the_picture_as_it_is(task: Any) -> None:
    pipeline = build(xl=task.xl, tiny=True, device="cpu", dtype=torch.float32)
    before = call(pipeline, task)
    for change in (channels_last, compiled):
        change(pipeline)
        assert torch.allclose(call(pipeline, task), before, atol=1e-4)


def test_fp8_is_near_and_replaces_the_linear_layers_of_the_blocks() -> None:
    torch.manual_seed(0)
    linear, x = torch.nn.Linear(32, 16), torch.randn(5, 32)
    exact, small = linear(x), Fp8Linear(linear)(x)
    assert 0 < (small - exact).abs().max() < 0.1 * exact.abs().max()
    pipeline = build(xl=True, tiny=True, device="cpu", dtype=torch.float32)
    fp8(pipeline)
    kinds = [type(module).__name__ for module in pipeline.unet.modules()]
    assert "Fp8Linear" in kinds


def test_the_real_architectures_have_the_size_of_the_real_ones() -> None:
    assert {task.xl for task in TASKS} == {True, False}
    for xl, parameters in ((False, 859_520_964), (True, 2_567_463_684)):
        unet = build(xl=xl, tiny=False, device="meta", dtype=torch.bfloat16).unet
        assert sum(parameter.numel() for parameter in unet.parameters()) == parameters


def test_without_a_gpu_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("sys.argv", ["gpu", "--out", str(tmp_path / "out.json")])
    assert gpu.main() == 2
    assert "no GPU" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ["gpu", "--tiny", "--budget", "0", "--out", str(tmp_path / "out.json")])
    assert gpu.main() == 0
    assert json.loads((tmp_path / "out.json").read_text())["left_out"]
