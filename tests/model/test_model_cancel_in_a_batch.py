"""Whoever leaves a batch is answered at the next step, while the others are still being made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from afterimage.contracts.generation import GenerationJob
from afterimage_model.errors import ClientGone
from afterimage_model.generate import generate_together
from afterimage_model.orders import Order
from afterimage_model.predictor import Predictor


class NoStorage:
    """Nothing is stored: pictures come back inline."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was called")


@dataclass(eq=False)
class Watching(Order):
    """An order that leaves, or looks at another, when it is asked between two steps."""

    leaves_at: int | None = None
    looks_at: Order | None = None
    seen: list[bool] = field(default_factory=list)
    asked: int = 0

    def check(self) -> None:
        self.asked += 1
        self.dropped = self.leaves_at is not None and self.asked > self.leaves_at
        if self.looks_at is not None:
            self.seen.append(self.looks_at.future.done())
        super().check()


def job(name: str, seeds: tuple[int, ...]) -> GenerationJob:
    return GenerationJob(job_id=name, prompt="a tree", seeds=seeds, steps=4, width=64, height=64)


@pytest.mark.parametrize("batch", [4, 1], ids=["in the same batch", "in a batch that waits"])
def test_who_leaves_is_answered_before_the_others_are_made(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(predictor, "_fitting", lambda run: min(batch, len(run.open_rows())))
    leaver = Watching(job("leaves", (1, 2)), leaves_at=2)
    stayer = Watching(job("stays", (3,)), looks_at=leaver)
    orders = [leaver, stayer] if batch > 1 else [stayer, leaver]
    generate_together(orders, predictor, NoStorage())  # type: ignore[arg-type]
    assert stayer.seen[:2] == [False, False]
    assert stayer.seen[-1] is True, "it was answered while the other was being made"
    with pytest.raises(ClientGone):
        leaver.future.result(timeout=0)
    assert len(stayer.future.result(timeout=0).images) == 1
    assert leaver.asked == 3
