"""Ask one layer of moderation after the other, as long as none refuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from afterimage.domain.errors import ModeratorUnavailableError
from afterimage.domain.verdicts import Action, Decision, Verdict, decide
from afterimage.ports import Moderator

T = TypeVar("T")


def ask_moderators(
    stage: str,
    what: T,
    moderators: Sequence[Moderator[T]],
    at_ms: int,
    *,
    said: tuple[Verdict, ...] = (),
    fail_open: bool = False,
) -> Decision:
    """Return the decision on `what`, `said` being what is known of it already; after a refusal nobody else is asked.

    Raises ModeratorUnavailableError when one does not answer, unless the deployment is set to `fail_open`: then the
    decision says by whom it was not judged.
    """
    verdicts, silent = list(said), []
    for moderator in moderators:
        if any(verdict.action is Action.BLOCK for verdict in verdicts):
            break
        try:
            verdicts.append(moderator.judge(what))
        except ModeratorUnavailableError:
            if not fail_open:
                raise
            silent.append(moderator.name)
    return decide(stage, verdicts, at_ms, tuple(silent))
