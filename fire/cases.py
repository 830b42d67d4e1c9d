"""The schedule: what happens to each request, drawn from a seed, and the end that must follow from it."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

PROMPT = "a red circle on a blue background"
FORBIDDEN = "a gory severed head"
GARBAGE = "garbage-"  # stands in each text that nobody can act upon
OWNERS = 5
FIRST_SEED = 700_000_000  # nine digits that stand in no other place of a job document
_BUSY = json.dumps({"error": {"code": "busy", "message": "The queue is full.", "retryable": True}})
Rule = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class End:
    """How a request must end. `attempts` are inferences that were asked for."""

    status: str = "SUCCEEDED"
    code: str | None = None
    notice: str = "sent"
    attempts: int = 1

    @property
    def mails(self) -> int:
        """A mail leaves exactly where the notice says so."""
        return 1 if self.notice == "sent" else 0


def failed(code: str, attempts: int = 1) -> End:
    return End(status="FAILED", code=code, attempts=attempts)


SUCCESS = End()
STOPPED = End(status="CANCELLED", code="stopped")
CANCELLED = End(status="CANCELLED", code="cancelled", notice="not_wanted")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One request. `rules` are for the stand-in of SageMaker, `act` names what the campaign does besides."""

    number: int
    kind: str
    seed: int
    owner: int
    end: End
    rules: tuple[Rule, ...] = ()
    act: str = ""
    prompt: str = PROMPT

    @property
    def body(self) -> dict[str, Any]:
        return {"prompt": self.prompt, "seed": self.seed}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One way in which things go, and how often among a hundred."""

    share: int
    end: End = SUCCESS
    rules: Callable[[random.Random], tuple[Rule, ...]] = field(default=lambda draw: ())
    act: str = ""
    prompt: str = PROMPT


def _fixed(*rules: Rule) -> Callable[[random.Random], tuple[Rule, ...]]:
    return lambda draw: rules


LOSE: Rule = {"kind": "lose"}
FAIL: Rule = {"kind": "fail", "at": "before"}
BUSY: Rule = FAIL | {"body": _BUSY}

KINDS: dict[str, Kind] = {
    "nothing happens": Kind(share=14),
    "message late": Kind(
        share=8, rules=lambda draw: ({"kind": "delay", "at": "notice", "seconds": draw.uniform(1, 20)},)
    ),
    "container slow": Kind(
        share=3, rules=lambda draw: ({"kind": "delay", "at": "container", "seconds": draw.uniform(0.1, 1)},)
    ),
    "message doubled": Kind(share=8, rules=lambda draw: ({"kind": "duplicate", "copies": draw.randint(1, 4)},)),
    "messages out of order": Kind(share=5, rules=_fixed({"kind": "reorder"})),
    "doubled and out of order": Kind(share=4, rules=_fixed({"kind": "reorder"}, {"kind": "duplicate", "copies": 2})),
    "message lost": Kind(share=8, rules=_fixed(LOSE)),
    "message of a failure lost": Kind(share=4, rules=_fixed(LOSE, FAIL), end=failed("generation_failed")),
    "container fails at once": Kind(share=3, rules=_fixed(FAIL), end=failed("generation_failed")),
    "container fails at the end": Kind(
        share=3, rules=_fixed({"kind": "fail", "at": "after"}), end=failed("generation_failed")
    ),
    "failure told five times": Kind(
        share=2, rules=_fixed(FAIL, {"kind": "duplicate", "copies": 4}), end=failed("generation_failed")
    ),
    "busy once": Kind(share=4, rules=_fixed(BUSY), end=End(attempts=2)),
    "busy for good": Kind(share=2, rules=_fixed(BUSY, BUSY, BUSY), end=failed("busy", attempts=3)),
    "answer is garbage": Kind(share=3, rules=_fixed({"kind": "garbage"}), end=failed("invalid_result")),
    "container never answers": Kind(
        share=2, rules=_fixed({"kind": "silence"}, {"kind": "timeout", "seconds": 0.5}), end=failed("generation_failed")
    ),
    "expired in the queue": Kind(share=2, rules=_fixed({"kind": "ttl", "seconds": 0}), end=failed("generation_failed")),
    "prompt is blocked": Kind(share=3, prompt=FORBIDDEN, end=End(status="BLOCKED", code="prompt_blocked", attempts=0)),
    "stopped, the message comes late": Kind(
        share=4, act="stop", rules=_fixed({"kind": "delay", "at": "notice", "seconds": 15}), end=STOPPED
    ),
    "stopped, nobody hears of it": Kind(share=3, act="stop unheard", rules=_fixed(LOSE), end=STOPPED),
    "the machine times out": Kind(share=2, act="time out", rules=_fixed(LOSE), end=failed("timed_out")),
    "asked five times with one key": Kind(share=4, act="ask five times"),
    "contradicted afterwards": Kind(share=3, act="contradict"),
    "recorded, not started, asked again": Kind(share=2, act="unstarted, asked again"),
    "recorded, not started, never asked": Kind(share=2, act="unstarted"),
    "address is suppressed": Kind(share=2, act="suppressed", end=End(notice="failed")),
    "cancelled before any work": Kind(
        share=2, act="unstarted, cancelled", end=dataclasses.replace(CANCELLED, attempts=0)
    ),
    "cancelled while it is made": Kind(
        share=2, act="cancel at work", rules=_fixed({"kind": "delay", "at": "container", "seconds": 3}), end=CANCELLED
    ),
    "cancelled, the success comes late": Kind(
        share=3, act="cancel when made", rules=_fixed({"kind": "delay", "at": "notice", "seconds": 5}), end=CANCELLED
    ),
    "garbage on the topics": Kind(
        share=3, act="garbage", rules=_fixed({"kind": "delay", "at": "notice", "seconds": 5})
    ),
    "five at once for the last picture": Kind(share=2, act="over quota"),
    "container killed while it works": Kind(share=1, act="kill", end=failed("generation_failed")),
}


def schedule(seed: int, count: int, *, without: frozenset[str] = frozenset()) -> list[Case]:
    """Return `count` requests in the order in which they are asked for: every kind at least once if there is room, else
    by its share."""
    draw = random.Random(seed)
    names = [name for name in KINDS if name not in without]
    total = sum(KINDS[name].share for name in names)
    drawn = names[:count]
    wanted = {name: KINDS[name].share * count / total for name in names}
    while len(drawn) < count:
        drawn.append(max(names, key=lambda name: wanted[name] - drawn.count(name)))
    draw.shuffle(drawn)
    return [_case(number, name, draw) for number, name in enumerate(drawn)]


def _case(number: int, name: str, draw: random.Random) -> Case:
    kind, seed = KINDS[name], FIRST_SEED + number
    rules = tuple(rule | {"document": str(seed)} for rule in kind.rules(draw))
    return Case(
        number=number,
        kind=name,
        seed=seed,
        owner=draw.randrange(OWNERS),
        end=kind.end,
        rules=rules,
        act=kind.act,
        prompt=kind.prompt,
    )
