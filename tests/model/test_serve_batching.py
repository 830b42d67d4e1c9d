"""Which waiting jobs are made together, how long they wait for company, and what happens to one that is left alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from afterimage.contracts.generation import GenerationJob, GenerationResult
from afterimage_model.errors import Busy, ClientGone, GenerationFailed, OutOfMemory
from afterimage_model.orders import Order, share_key
from afterimage_model.serve.runner import Runner, State, Work

Until = Callable[[Callable[[], bool]], None]


def job(name: str, pictures: int = 1, **values: Any) -> GenerationJob:
    return GenerationJob(job_id=name, prompt=f"wish {name}", seeds=tuple(range(pictures)), **values)


def result_of(order: Order) -> GenerationResult:
    return GenerationResult(
        job_id=order.job.job_id,
        images=(),
        width=64,
        height=64,
        steps=1,
        guidance=1.0,
        scheduler="EulerDiscreteScheduler",
        timings_s={},
        versions={},
    )


class Batches:
    """Work that keeps the names of each batch and waits for a permit before it answers one."""

    def __init__(self) -> None:
        self.begun: list[list[str]] = []
        self.permits = threading.Semaphore(0)

    def make(self, orders: Sequence[Order]) -> None:
        self.begun.append([order.job.job_id for order in orders])
        assert self.permits.acquire(timeout=30)
        for order in orders:
            try:
                order.check()
                order.answer(result_of(order))
            except ClientGone as gone:
                order.answer(gone)

    def let(self, count: int = 1) -> None:
        for _ in range(count):
            self.permits.release()


@pytest.fixture
def batches() -> Batches:
    return Batches()


@pytest.fixture
def start(batches: Batches, until: Until) -> Iterator[Callable[..., Runner]]:
    runners: list[Runner] = []

    def started(largest: int = 4, queue_size: int = 16, wait_s: float = 0.0) -> Runner:
        set_up = Work(make=batches.make, largest_batch=largest)
        runner = Runner(lambda: set_up, queue_size=queue_size, longest_wait_s=wait_s)
        runner.start()
        runners.append(runner)
        until(lambda: runner.state is State.READY)
        return runner

    yield started
    batches.let(100)
    for runner in runners:
        runner.close()
        assert runner.join(30)


def first_in_hand(runner: Runner, batches: Batches, until: Until) -> Order:
    order = runner.submit(job("first"))
    until(lambda: batches.begun == [["first"]])
    return order


def test_what_waits_and_is_alike_is_made_together_up_to_the_largest_batch(
    start: Callable[..., Runner], batches: Batches, until: Until
) -> None:
    runner = start(largest=4)
    orders = [first_in_hand(runner, batches, until)]
    orders += [runner.submit(job(name)) for name in ("a", "b")]
    orders += [runner.submit(job("other steps", steps=9))]
    orders += [runner.submit(job("c", pictures=2)), runner.submit(job("d"))]
    batches.let(10)
    for order in orders:
        assert order.future.result(timeout=30).job_id == order.job.job_id
    assert batches.begun == [["first"], ["a", "b", "c"], ["other steps"], ["d"]]


def test_a_job_larger_than_a_batch_is_made_alone(start: Callable[..., Runner], batches: Batches, until: Until) -> None:
    runner = start(largest=4)
    orders = [first_in_hand(runner, batches, until), runner.submit(job("nine", pictures=9)), runner.submit(job("one"))]
    batches.let(10)
    assert [order.future.result(timeout=30).job_id for order in orders] == ["first", "nine", "one"]
    assert batches.begun == [["first"], ["nine"], ["one"]]


@pytest.mark.parametrize(
    "values",
    [{"width": 64}, {"height": 64}, {"steps": 3}, {"guidance": 2.0}, {"scheduler": "x"}, {"mode": "img2img"}],
)
def test_whatever_changes_the_networks_work_is_not_shared(values: dict[str, Any]) -> None:
    assert share_key(job("a")) != share_key(job("a", **values))


def test_texts_seeds_and_destinations_may_differ() -> None:
    other = GenerationJob(
        job_id="b", prompt="x", negative_prompt="y", seeds=(9,), output_format="webp", output_prefix="s3://bucket/p/"
    )
    assert share_key(job("a")) == share_key(other)


def test_a_smaller_batch_than_the_last_waits_for_company_as_long_as_it_was_told(
    start: Callable[..., Runner], batches: Batches, until: Until
) -> None:
    runner = start(largest=4, wait_s=30.0)
    orders = [first_in_hand(runner, batches, until)]
    orders += [runner.submit(job(name)) for name in ("a", "b")]
    batches.let(2)
    until(lambda: orders[2].future.done())
    orders.append(runner.submit(job("c")))
    assert batches.begun[2:] == []  # it waits: two came together the last time
    orders.append(runner.submit(job("d")))
    batches.let()
    assert orders[4].future.result(timeout=30)
    assert batches.begun == [["first"], ["a", "b"], ["c", "d"]]


def test_one_job_after_the_other_waits_for_nobody(start: Callable[..., Runner], batches: Batches) -> None:
    runner = start(largest=4, wait_s=3600.0)
    batches.let(10)
    for name in "abc":
        assert runner.submit(job(name)).future.result(timeout=30)
    assert batches.begun == [["a"], ["b"], ["c"]]


def test_the_queue_is_bounded(start: Callable[..., Runner], batches: Batches, until: Until) -> None:
    runner = start(largest=4, queue_size=2)
    first_in_hand(runner, batches, until)
    runner.submit(job("a"))
    runner.submit(job("b"))
    with pytest.raises(Busy, match="3 jobs"):
        runner.submit(job("c"))


def test_a_waiting_job_that_nobody_waits_for_is_never_begun(
    start: Callable[..., Runner], batches: Batches, until: Until
) -> None:
    runner = start(largest=1)
    first_in_hand(runner, batches, until)
    left, kept = runner.submit(job("left")), runner.submit(job("kept"))
    runner.drop(left)
    assert isinstance(left.future.exception(timeout=30), ClientGone)
    batches.let(10)
    assert kept.future.result(timeout=30)
    assert batches.begun == [["first"], ["kept"]]


def test_a_running_job_that_nobody_waits_for_ends_at_its_next_look(
    start: Callable[..., Runner], batches: Batches, until: Until
) -> None:
    runner = start()
    first = first_in_hand(runner, batches, until)
    runner.drop(first)
    batches.let()
    assert isinstance(first.future.exception(timeout=30), ClientGone)


def test_work_that_raises_answers_every_job_of_its_batch_and_the_next_is_made(until: Until) -> None:
    gate = threading.Event()

    def make(orders: Sequence[Order]) -> None:
        assert gate.wait(30)
        if orders[0].job.job_id != "good":
            raise RuntimeError("cuDNN")
        for order in orders:
            order.answer(result_of(order))

    runner = Runner(lambda: Work(make=make, largest_batch=4), queue_size=16)
    runner.start()
    until(lambda: runner.state is State.READY)
    orders = [runner.submit(job(name)) for name in "abc"]
    good = runner.submit(job("good", steps=2))
    gate.set()
    assert all(isinstance(order.future.exception(timeout=30), GenerationFailed) for order in orders)
    assert good.future.result(timeout=30)
    runner.close()
    assert runner.join(30)


def test_a_batch_without_memory_counts_once_however_many_jobs_it_had(until: Until) -> None:
    gate = threading.Event()

    def make(orders: Sequence[Order]) -> None:
        assert gate.wait(30)
        for order in orders:
            order.answer(OutOfMemory("no memory left"))

    runner = Runner(lambda: Work(make=make, largest_batch=4), queue_size=16)
    runner.start()
    until(lambda: runner.state is State.READY)
    runner._last_batch = 3  # so that the three come together
    runner._longest_wait_s = 30.0
    orders = [runner.submit(job(name)) for name in "abc"]
    gate.set()
    assert all(isinstance(order.future.exception(timeout=30), OutOfMemory) for order in orders)
    assert runner.state is not State.FAILED
    runner._last_batch = 1
    assert isinstance(runner.submit(job("d")).future.exception(timeout=30), OutOfMemory)
    assert runner.state is State.FAILED
    runner.close()
    assert runner.join(30)


def test_an_answer_counts_once(start: Callable[..., Runner]) -> None:
    order = Order(job("a"))
    order.answer(result_of(order))
    order.answer(GenerationFailed("too late"))
    assert order.future.result(timeout=30).job_id == "a"
