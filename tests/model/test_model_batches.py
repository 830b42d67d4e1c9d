"""Batches: a picture has its exact bits alone and in company, and sizes that break that or do not pay are not used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from afterimage.contracts.generation import GenerationJob
from afterimage_model.batches import LEAST_ROWS, BatchTrials, SteadyLinear, steady_small_matrices
from afterimage_model.errors import Cancelled, ModelFault, OutOfMemory
from afterimage_model.predictor import Prediction, Predictor
from afterimage_model.run import OnStep, Run, Step

DEMO = Path(__file__).parents[2] / "model" / "demo" / "weights"


def job(number: int, **values: Any) -> GenerationJob:
    prompts = ("a red circle", "a house in the snow", "", "a green tree and a blue boat at night")
    return GenerationJob(**{"job_id": f"j-{number}", "prompt": prompts[number % 4], "seeds": (number,), **values})


def nothing(step: Step) -> None:
    """Listens to no step."""


def together(predictor: Predictor, jobs: list[GenerationJob], on_step: OnStep = nothing) -> list[Any]:
    return predictor.predict_together([(predictor.plan(one), on_step) for one in jobs])


def pixels(prediction: Prediction) -> list[bytes]:
    return [picture.image.tobytes() for picture in prediction.pictures]


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the batches that were begun."""
    begun: list[int] = []
    make = Run.make

    def noted(run: Run, size: int) -> list[float]:
        begun.append(size)
        return make(run, size)

    monkeypatch.setattr(Run, "make", noted)
    return begun


@pytest.fixture
def always_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches are judged by their bits only, whatever else this machine does."""
    monkeypatch.setattr("afterimage_model.batches.PAYS_BELOW", float("inf"))


@pytest.fixture(scope="module", params=[1, 2], ids=["one thread", "two threads"])
def demo(request: pytest.FixtureRequest) -> Iterator[Predictor]:
    before = torch.get_num_threads()
    predictor = Predictor(str(DEMO), device="cpu", threads=request.param, warm_up=False)
    predictor.setup()
    yield predictor
    torch.set_num_threads(before)


@pytest.mark.usefixtures("always_pays")
def test_the_demo_models_pictures_are_the_same_bits_alone_and_among_fifteen_others(
    demo: Predictor, sizes: list[int]
) -> None:
    jobs = [job(number, steps=3, negative_prompt="snow" if number % 3 else "") for number in range(16)]
    alone = [pixels(demo.predict(one)) for one in jobs]
    sizes.clear()
    assert [pixels(prediction) for prediction in together(demo, jobs)] == alone
    assert max(sizes) >= 4, "nothing was shared"


@pytest.mark.usefixtures("always_pays")
def test_a_job_of_several_seeds_has_the_pictures_of_its_single_ones(demo: Predictor) -> None:
    several = demo.predict(job(1, seeds=(5, 6, 7), steps=2))
    assert pixels(several) == [pixels(demo.predict(job(1, seeds=(seed,), steps=2)))[0] for seed in (5, 6, 7)]


def test_small_matrices_do_not_feel_how_many_pictures_there_are() -> None:
    torch.manual_seed(0)
    network = torch.nn.ModuleDict({"time_embedding": torch.nn.Linear(96, 384), "to_k": torch.nn.Linear(96, 96)})
    plain = torch.nn.Linear(96, 384)
    plain.load_state_dict(network["time_embedding"].state_dict())
    steady_small_matrices(network)
    steady = network["time_embedding"]
    assert (type(steady), type(network["to_k"])) == (SteadyLinear, torch.nn.Linear)
    rows = torch.randn(32, 96)
    full = steady(rows)
    for count in (1, 2, 3, LEAST_ROWS, 31):
        assert torch.equal(steady(rows[:count]), full[:count])
    assert torch.allclose(full, plain(rows))
    assert steady(rows[0]).shape == (384,)


class Clock:
    """Advances by what the trial says that it took."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("exact_up_to", "cost", "expected"),
    [
        (16, lambda count: 1 + 0.1 * count, 16),
        (5, lambda count: 1 + 0.1 * count, 4),
        (1, lambda count: 1 + 0.1 * count, 1),
        (16, lambda count: float(count), 1),
    ],
    ids=["exact and cheap", "exact up to five", "never exact", "not cheaper"],
)
def test_the_largest_batch_that_is_exact_and_pays_is_found_and_remembered(
    exact_up_to: int, cost: Callable[[int], float], expected: int
) -> None:
    clock, calls = Clock(), []

    def trial(rows: slice) -> torch.Tensor:
        count = rows.stop - rows.start
        calls.append(count)
        clock.now += cost(count)
        values = torch.arange(rows.start, rows.stop, dtype=torch.float32) + (1e-6 if count > exact_up_to else 0.0)
        return torch.cat([values, values])[:, None]  # without and with the prompt

    trials = BatchTrials(clock)
    assert trials.largest("64", 16, trial) == expected
    asked = len(calls)
    assert trials.largest("64", 16, trial) == expected
    assert len(calls) == asked
    trials.largest("128", 16, trial)
    assert len(calls) == 2 * asked


@pytest.mark.usefixtures("always_pays")
def test_one_that_is_cancelled_leaves_the_others_their_pictures(predictor: Predictor) -> None:
    jobs = [job(number, steps=4) for number in range(3)]
    expected = [pixels(predictor.predict(one)) for one in jobs]
    heard = []

    def cancelled(step: Step) -> None:
        heard.append(step)
        raise Cancelled("the job was cancelled")

    plans = [predictor.plan(one) for one in jobs]
    outcomes = predictor.predict_together([(plans[0], nothing), (plans[1], cancelled), (plans[2], nothing)])
    assert isinstance(outcomes[1], Cancelled)
    assert [pixels(outcomes[number]) for number in (0, 2)] == [expected[0], expected[2]]  # type: ignore[arg-type]
    assert len(heard) == 1


def test_when_all_are_cancelled_the_run_ends_at_that_step(predictor: Predictor) -> None:
    heard = []

    def cancel_at_two(step: Step) -> None:
        heard.append(step)
        if step.step >= 2:
            raise Cancelled("the job was cancelled")

    outcomes = together(predictor, [job(number, steps=50) for number in range(2)], cancel_at_two)
    assert all(isinstance(outcome, Cancelled) for outcome in outcomes)
    assert len(heard) <= 4


@pytest.mark.usefixtures("always_pays")
def test_without_memory_the_batch_is_halved_and_stays_so(
    load: Callable[[Path], Predictor], tiny_folder: Path, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load(tiny_folder)
    jobs = [job(number, steps=1) for number in range(4)]
    expected = [pixels(one) for one in together(model, jobs)]
    call = Run._call

    def small_memory(run: Run, rows: Any, step_ended: Any) -> Any:
        if len(rows) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return call(run, rows, step_ended)

    monkeypatch.setattr(model, "_fitting", lambda run: min(model._fits.get(run.shape, 4), len(run.open_rows())))
    monkeypatch.setattr(Run, "_call", small_memory)
    sizes.clear()
    assert [pixels(one) for one in together(model, jobs)] == expected
    assert sizes == [4, 2, 1, 1, 1, 1]
    sizes.clear()
    together(model, jobs)
    assert sizes == [1, 1, 1, 1]


def test_without_memory_for_one_picture_every_job_of_the_batch_is_told(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(run: Run, rows: Any, step_ended: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(Run, "_call", no_memory)
    monkeypatch.setattr(predictor, "_fitting", lambda run: 1)
    outcomes = together(predictor, [job(0), job(1)])
    assert [type(outcome) for outcome in outcomes] == [OutOfMemory, OutOfMemory]
    fault: ModelFault = outcomes[0]
    assert fault.retryable


def test_numbers_that_make_no_picture_are_a_fault_and_not_a_black_picture(
    load: Callable[[Path], Predictor], tiny_folder: Path
) -> None:
    model = load(tiny_folder)
    network = model._model_loaded.pipeline.unet
    weights = network.conv_out.weight.data.clone()
    network.conv_out.weight.data.fill_(float("nan"))
    (outcome,) = together(model, [job(0, steps=1)])
    assert isinstance(outcome, ModelFault)
    assert "no picture" in str(outcome)
    network.conv_out.weight.data.copy_(weights)
    (outcome,) = together(model, [job(0, steps=1)])
    assert isinstance(outcome, Prediction)
