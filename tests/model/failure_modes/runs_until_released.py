"""A server whose job takes until a line arrives on standard input, or for ever when none does."""

import sys
from collections.abc import Sequence

from afterimage.contracts.generation import GenerationJob, GenerationResult
from afterimage_model.orders import Order
from afterimage_model.serve.__main__ import main
from afterimage_model.serve.metrics import Metrics
from afterimage_model.serve.runner import Work
from afterimage_model.serve.settings import ServeSettings


def make(orders: Sequence[Order]) -> None:
    """Answer each."""
    for order in orders:
        order.answer(work(order.job))


def work(job: GenerationJob) -> GenerationResult:
    """Say that it began, then wait."""
    print('{"event": "job_began"}', flush=True)
    sys.stdin.readline()
    return GenerationResult(
        job_id=job.job_id,
        images=(),
        width=64,
        height=64,
        steps=1,
        guidance=1.0,
        scheduler="EulerDiscreteScheduler",
        timings_s={},
        versions={},
    )


def set_up(settings: ServeSettings, metrics: Metrics) -> Work:
    """Nothing to load."""
    return Work(make=make)


if __name__ == "__main__":
    sys.exit(main(set_up=set_up))
