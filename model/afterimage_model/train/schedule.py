"""Learning rate and randomness as functions of the step, so that nothing about them needs saving."""

from math import cos, pi

import torch


def learning_rate(step: int, steps: int, peak: float, warmup: int = 200, floor: float = 0.02) -> float:
    """Linear warm-up, then a cosine down to `floor` of the peak."""
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = min(1.0, (step - warmup) / max(1, steps - warmup))
    return peak * (floor + (1 - floor) * 0.5 * (1 + cos(pi * progress)))


def step_generator(seed: int, step: int) -> torch.Generator:
    """The randomness of one step, on the CPU: the same on every device and after every resume."""
    return torch.Generator().manual_seed(seed * 1_000_003 + step)
