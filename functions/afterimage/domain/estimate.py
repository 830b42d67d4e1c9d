"""What a request would take: seconds on the model's machine and dollars, both estimates and named so."""

from __future__ import annotations

from dataclasses import dataclass

from afterimage.domain.account import Usage
from afterimage.domain.job import ImageSpec, JobWarning
from afterimage.domain.model_profiles import ModelProfile
from afterimage.domain.moderation import Action, Decision
from afterimage.domain.quotas import Quotas

# Everything but the machine with the model, per delivered request: the sum in bench/results/costs.json, rounded.
SERVICE_DOLLARS = 0.0006
_HOUR_S = 3600
PROMPT_HELD = "prompt_held"
# CLIP reads 77 tokens; an English word is about one and a third. The container says exactly what was cut.
_LONG_PROMPT_WORDS = 55


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Pictures, their seconds on a machine that is awake and free, and dollars by where they go."""

    pictures: int
    seconds: float
    model_dollars: float
    service_dollars: float

    @property
    def dollars(self) -> float:
        """Return the sum."""
        return round(self.model_dollars + self.service_dollars, 6)


@dataclass(frozen=True, kw_only=True)
class Price:
    """What would become of a request now. `refusal` is the code that would answer it, None when it would be taken."""

    spec: ImageSpec
    estimate: Estimate
    decision: Decision
    warnings: tuple[JobWarning, ...]
    quotas: Quotas
    usage: Usage
    refusal: str | None


def estimate(spec: ImageSpec, profile: ModelProfile, dollars_per_hour: float) -> Estimate:
    """Scale the profile's seconds per picture by steps and pixels; from an input picture only some of the steps are
    made. Waking an endpoint and waiting in its queue cost time, and an idle machine costs money, that no single request
    can be told."""
    steps = spec.steps if spec.strength is None else int(spec.steps * spec.strength)
    scale = steps / profile.default_steps * (spec.width * spec.height / profile.default_pixels)
    seconds = round(profile.seconds_per_picture * scale * len(spec.seeds), 2)
    return Estimate(
        pictures=len(spec.seeds),
        seconds=seconds,
        model_dollars=round(seconds * dollars_per_hour / _HOUR_S, 6),
        service_dollars=SERVICE_DOLLARS,
    )


def forewarnings(spec: ImageSpec, decision: Decision) -> list[JobWarning]:
    """Return what would be worth knowing about a request that is in order."""
    found = []
    if decision.action is Action.BLOCK:
        found.append(JobWarning(code="prompt_blocked", message="The request would be taken, and then be blocked."))
    if decision.action is Action.HOLD:
        found.append(JobWarning(code=PROMPT_HELD, message="The request would be taken, and then wait for a person."))
    if decision.action is Action.SOFTEN:
        found.append(JobWarning(code="prompt_softened", message="The model would read another prompt."))
    if len(spec.model_prompt.split()) > _LONG_PROMPT_WORDS:
        found.append(JobWarning(code="prompt_may_be_cut", message="The model may not read the end of the prompt."))
    return found
