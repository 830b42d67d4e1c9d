"""Learning rate and randomness as functions of the step, so that nothing about them needs saving."""

from math import cos, pi

import torch


def learning_rate(step: int, steps: int, peak: float, warmup: int = 200, cool_from: float = 0.0) -> float:
    """Linear warm-up, the peak until `cool_from` of all steps, then a cosine down to a fiftieth of it.

    While the rate is constant a plan can be made longer without regret: only its end moves.
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    start = max(warmup, cool_from * steps)
    progress = min(1.0, max(0.0, (step - start) / max(1, steps - start)))
    return peak * (0.02 + 0.98 * 0.5 * (1 + cos(pi * progress)))


def step_generator(seed: int, step: int) -> torch.Generator:
    """The randomness of one step, on the CPU: the same on every device and after every resume."""
    return torch.Generator().manual_seed(seed * 1_000_003 + step)
