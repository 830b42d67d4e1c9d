"""Layers of moderation: the strictest decides, a refusal ends the asking, and no answer is not a yes."""

from __future__ import annotations

import pytest
from afterimage.domain.errors import ModeratorUnavailableError
from afterimage.domain.verdicts import OF_A_TEXT, Action, Decision, Thresholds, Verdict
from afterimage.usecases.ask_moderators import ask_moderators


class Layer:
    """Says what it is told to, or does not answer; keeps what it was asked."""

    def __init__(self, name: str, action: Action | None, **more: object) -> None:
        self.name, self.asked = name, list[str]()
        self._verdict = Verdict(layer=name, version=f"{name}-1", action=action, **more) if action else None  # type: ignore[arg-type]

    def judge(self, what: str, /) -> Verdict:
        self.asked.append(what)
        if self._verdict is None:
            raise ModeratorUnavailableError()
        return self._verdict


def ask(*layers: Layer, said: tuple[Verdict, ...] = (), fail_open: bool = False) -> Decision:
    return ask_moderators("picture", "quarantine/1.png", layers, 5, said=said, fail_open=fail_open)


def test_everybody_is_asked_about_the_same_and_is_named() -> None:
    first, second = Layer("one", Action.ALLOW), Layer("two", Action.ALLOW)
    decision = ask(first, second)
    assert (first.asked, second.asked) == (["quarantine/1.png"], ["quarantine/1.png"])
    assert decision == Decision(
        stage="picture", action=Action.ALLOW, policy_version="one-1+two-1", at_ms=5, layers=("one", "two")
    )


@pytest.mark.parametrize("order", [1, -1])
def test_the_strictest_decides_whoever_is_asked_first(order: int) -> None:
    held = Layer("held", Action.HOLD, categories=("sexual",), sentence="A person looks at it.", scores={"sexual": 0.7})
    allowed = Layer("allowed", Action.ALLOW, scores={"hate": 0.1})
    decision = ask(*[held, allowed][::order])
    assert (decision.action, decision.categories, decision.sentence) == (
        Action.HOLD,
        ("sexual",),
        "A person looks at it.",
    )
    assert decision.scores == {"held.sexual": 0.7, "allowed.hate": 0.1}


def test_after_a_refusal_nobody_is_asked() -> None:
    refused, expensive = Layer("refused", Action.BLOCK, categories=("hate",)), Layer("expensive", Action.ALLOW)
    assert ask(refused, expensive).layers == ("refused",)
    said = (Verdict(layer="container", version="1", action=Action.BLOCK),)
    assert ask(expensive, said=said).action is Action.BLOCK
    assert expensive.asked == []


def test_layers_that_agree_both_name_their_categories() -> None:
    decision = ask(
        Layer("a", Action.HOLD, categories=("hate",)), Layer("b", Action.HOLD, categories=("sexual", "hate"))
    )
    assert decision.categories == ("hate", "sexual")


def test_who_does_not_answer_lets_nothing_through() -> None:
    with pytest.raises(ModeratorUnavailableError):
        ask(Layer("well", Action.ALLOW), Layer("silent", None))


def test_a_deployment_that_is_set_to_go_on_says_by_whom_it_was_not_judged() -> None:
    decision = ask(Layer("silent", None), Layer("well", Action.ALLOW), fail_open=True)
    assert (decision.action, decision.layers, decision.not_judged_by) == (Action.ALLOW, ("well",), ("silent",))
    refused = ask(Layer("silent", None), Layer("strict", Action.BLOCK), fail_open=True)
    assert (refused.action, refused.not_judged_by) == (Action.BLOCK, ("silent",))


def test_nobodys_word_is_a_yes_that_says_so() -> None:
    assert (ask().action, ask().policy_version, ask().layers) == (Action.ALLOW, "none", ())


@pytest.mark.parametrize(
    ("scores", "action", "categories", "threshold"),
    [
        ({}, Action.ALLOW, (), 0.6),
        ({"hate": 0.59}, Action.ALLOW, (), 0.6),
        ({"hate": 0.6, "sexual": 0.1}, Action.HOLD, ("hate",), 0.6),
        ({"hate": 0.6, "sexual": 0.8}, Action.BLOCK, ("sexual",), 0.8),
        ({"hate": 0.9, "sexual": 0.8}, Action.BLOCK, ("hate", "sexual"), 0.8),
    ],
)
def test_between_the_thresholds_a_person_looks(
    scores: dict[str, float], action: Action, categories: tuple[str, ...], threshold: float
) -> None:
    verdict = Thresholds(hold_at=0.6, block_at=0.8).verdict("layer", "1", scores, OF_A_TEXT)
    assert (verdict.action, verdict.categories, verdict.threshold) == (action, categories, threshold)
    assert verdict.sentence == OF_A_TEXT[action]
    assert verdict.scores == (scores or None)
