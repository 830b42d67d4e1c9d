"""What moderators say, and what follows from it: the strictest of them decides, and one decision is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What becomes of a job. Ordered from mild to strict; the strictest match decides. HOLD waits for a person."""

    ALLOW = "allow"
    SOFTEN = "soften"
    HOLD = "hold"
    BLOCK = "block"


_SEVERITY = list(Action)
NOBODY = "none"  # the version of a decision that no moderator made
# What a person reads where a layer has categories, but no sentences of its own.
OF_A_TEXT = {
    Action.ALLOW: "",
    Action.HOLD: "A person looks at this request before the picture is made.",
    Action.BLOCK: "The request breaks the content policy.",
}
OF_A_PICTURE = {
    Action.ALLOW: "",
    Action.HOLD: "A person looks at this picture before it is delivered.",
    Action.BLOCK: "The picture did not pass our content review.",
}


@dataclass(frozen=True, kw_only=True)
class NamedText:
    """One text that a model will read. What is not `wanted` is a negative prompt: "gore" in it asks for its absence."""

    name: str
    text: str
    wanted: bool = True


@dataclass(frozen=True, kw_only=True)
class Replaced:
    """Words of a prompt and what was put in their place."""

    found: str
    put: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What one layer says. `scores` (0 to 1, by category) and `threshold` are for operators; `version` is that of the
    rules or of the model that judged. Only a policy softens."""

    layer: str
    version: str
    action: Action = Action.ALLOW
    categories: tuple[str, ...] = ()
    sentence: str = ""
    scores: dict[str, float] | None = None
    threshold: float | None = None
    softened_prompt: str | None = None
    replaced: tuple[Replaced, ...] = ()

    @property
    def severity(self) -> int:
        """Return a number that is higher for what is stricter."""
        return _SEVERITY.index(self.action)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One judgement, as recorded. `scores` (by layer and category), `threshold`, `layers` and `not_judged_by` are for
    operators; a person sees category, sentence and what was replaced. `layers` are those that answered; what stands in
    `not_judged_by` did not answer, and a setting says that such a picture is made all the same. A decision of stage
    `person` says which admin made it, and what that admin wrote to the owner (`domain/holds.py`)."""

    stage: str
    action: Action
    policy_version: str
    at_ms: int
    categories: tuple[str, ...] = ()
    sentence: str = ""
    scores: dict[str, float] | None = None
    threshold: float | None = None
    softened_prompt: str | None = None
    replaced: tuple[Replaced, ...] = ()
    layers: tuple[str, ...] = ()
    not_judged_by: tuple[str, ...] = ()
    by: str | None = None
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """From which score (0 to 1) on a layer that gives scores has a person look, and from which it refuses."""

    hold_at: float
    block_at: float

    def verdict(self, layer: str, version: str, scores: dict[str, float], sentences: dict[Action, str]) -> Verdict:
        """Return what follows from scores by category; those below both bounds are recorded and change nothing."""
        highest = max(scores.values(), default=0.0)
        action, bound = Action.ALLOW, self.hold_at
        if highest >= self.block_at:
            action, bound = Action.BLOCK, self.block_at
        elif highest >= self.hold_at:
            action = Action.HOLD
        found = tuple(sorted(name for name, score in scores.items() if score >= bound))
        return Verdict(
            layer=layer,
            version=version,
            action=action,
            categories=found if action is not Action.ALLOW else (),
            sentence=sentences[action],
            scores=scores or None,
            threshold=bound,
        )


def not_judged(layer: str, version: str) -> Verdict:
    """Return that a person has to look at a picture, because this layer cannot: its format or size is not taken."""
    return Verdict(
        layer=layer,
        version=version,
        action=Action.HOLD,
        categories=("not_judged",),
        sentence=OF_A_PICTURE[Action.HOLD],
    )


def decide(stage: str, verdicts: Sequence[Verdict], at_ms: int, not_judged_by: tuple[str, ...] = ()) -> Decision:
    """Return the decision that follows from what the layers said; nobody's word is a yes that says so."""
    strictest = max(verdicts, key=lambda verdict: verdict.severity, default=Verdict(layer=NOBODY, version=NOBODY))
    alike = [verdict for verdict in verdicts if verdict.action is strictest.action]
    # What a person releases is what the layers behind the policy were shown.
    softening = next((verdict for verdict in verdicts if verdict.softened_prompt is not None), strictest)
    softening = strictest if strictest.action is Action.BLOCK else softening
    scores = {f"{v.layer}.{name}": score for v in verdicts for name, score in (v.scores or {}).items()}
    return Decision(
        stage=stage,
        action=strictest.action,
        policy_version="+".join(verdict.version for verdict in verdicts) or NOBODY,
        at_ms=at_ms,
        categories=tuple(dict.fromkeys(name for verdict in alike for name in verdict.categories)),
        sentence=strictest.sentence,
        scores=scores or None,
        threshold=strictest.threshold,
        softened_prompt=softening.softened_prompt,
        replaced=softening.replaced,
        layers=tuple(verdict.layer for verdict in verdicts),
        not_judged_by=not_judged_by,
    )
