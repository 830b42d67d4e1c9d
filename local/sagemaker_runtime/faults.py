"""Misbehaviour on demand, so that tests can see what the rest does about it.

`PUT /_faults` takes a JSON list of rules, `GET` shows what is left of them, `DELETE` forgets them. A rule applies to
the next request that it matches, `times` times (default 1, null for ever); several rules of different kinds may meet
one request. Example: `[{"kind": "timeout", "seconds": 0.5}, {"kind": "silence"}]`.

| kind      | does                                                                    | fields                         |
|-----------|-------------------------------------------------------------------------|--------------------------------|
| delay     | waits before the container is called, or before the notice is published | seconds, at: container, notice |
| duplicate | publishes the notice more than once                                     | copies (extra ones, default 1) |
| reorder   | holds the notice back until another one was published, or `seconds` ran | seconds (default 10)           |
| lose      | publishes no notice; the output object is written all the same          |                                |
| fail      | fails before the container is called, or after it did its work          | at: before, after; reason, body|
| garbage   | writes `body` as the output object and reports success                  | body (default: not JSON)       |
| silence   | the container never answers: the invocation's time-out ends it          |                                |
| timeout   | replaces InvocationTimeoutSeconds, which cannot be below one second     | seconds                        |
| ttl       | replaces RequestTTLSeconds, which cannot be below one minute            | seconds                        |

`match` limits a rule to requests whose inference id, input location or custom attributes contain that text. `document`
limits it to those whose input document does (a seed, for instance), because a job's id is known only once it is taken.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from local.sagemaker_runtime.invocation import Invocation

KINDS = ("delay", "duplicate", "reorder", "lose", "fail", "garbage", "silence", "timeout", "ttl")
_PLACES = {"delay": ("container", "notice"), "fail": ("before", "after")}
_NEEDS_SECONDS = ("delay", "timeout", "ttl")


class FaultError(ValueError):
    """Raised when a rule is not understood; a fault that silently does nothing would make a test lie."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One rule. `times` is how often it still applies, None without end."""

    kind: str
    match: str = ""
    times: int | None = 1
    seconds: float | None = None
    at: str = ""
    copies: int = 1
    reason: str = "InternalServerError"
    body: str = "this is not JSON"
    document: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise FaultError(f"kind must be one of {', '.join(KINDS)}, not {self.kind!r}")
        if self.at and self.at not in _PLACES.get(self.kind, ()):
            raise FaultError(f"{self.kind} knows no place {self.at!r}")
        if self.kind in _NEEDS_SECONDS and self.seconds is None:
            raise FaultError(f"{self.kind} needs seconds")

    def meets(self, invocation: Invocation, document: str) -> bool:
        texts = (invocation.inference_id, invocation.input_location, invocation.custom_attributes)
        return self.document in document and any(self.match in text for text in texts)


class FaultList:
    """The rules in order; `take` hands out what applies to one request and counts it."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []

    def replace(self, documents: Any) -> None:
        """Take a decoded JSON list. Raises FaultError and keeps the old rules when one of them is wrong."""
        if not isinstance(documents, list) or not all(isinstance(document, dict) for document in documents):
            raise FaultError("faults must be a list of objects")
        known = {field.name for field in dataclasses.fields(Fault)}
        for document in documents:
            if unknown := sorted(set(document) - known):
                raise FaultError(f"unknown fields: {', '.join(unknown)}")
            if "kind" not in document:
                raise FaultError("a fault needs a kind")
        self._rules = [Fault(**document) for document in documents]

    def clear(self) -> None:
        self._rules = []

    def remaining(self) -> list[dict[str, Any]]:
        return [dataclasses.asdict(rule) for rule in self._rules]

    @property
    def ask_for_the_document(self) -> bool:
        """True when some rule can only be judged with the input document."""
        return any(rule.document for rule in self._rules)

    def take(self, invocation: Invocation, document: str = "") -> dict[str, Fault]:
        """Return the rules for this request by kind, the first of each kind, and count them as used."""
        taken: dict[str, Fault] = {}
        left: list[Fault] = []
        for rule in self._rules:
            if rule.kind in taken or not rule.meets(invocation, document):
                left.append(rule)
                continue
            taken[rule.kind] = rule
            if rule.times is None:
                left.append(rule)
            elif rule.times > 1:
                left.append(dataclasses.replace(rule, times=rule.times - 1))
        self._rules = left
        return taken
