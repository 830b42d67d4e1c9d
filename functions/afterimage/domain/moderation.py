"""The prompt policy: categories of terms, found through the disguises that people use, each with one action.

A decision names category and policy version, so a person can be told why and an operator can see under which rules.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from afterimage.contracts.codec import ContractError, from_json
from afterimage.domain.errors import PolicyInvalidError


class Action(StrEnum):
    """What becomes of a job. Ordered from mild to strict; the strictest match decides."""

    ALLOW = "allow"
    SOFTEN = "soften"
    BLOCK = "block"


_SEVERITY = list(Action)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One judgement, as recorded. `scores` and `threshold` are for operators; a person sees category and sentence."""

    stage: str
    action: Action
    policy_version: str
    at_ms: int
    categories: tuple[str, ...] = ()
    sentence: str = ""
    scores: dict[str, float] | None = None
    threshold: float | None = None
    softened_prompt: str | None = None


@dataclass(frozen=True, kw_only=True)
class Category:
    """Terms that share an action. Only `soften` takes a `replacement`.

    "gore" in a negative prompt asks for its absence and is good practice, so only categories that are forbidden
    `everywhere` are looked for there.
    """

    name: str
    action: Action
    sentence: str
    terms: tuple[str, ...]
    replacement: str | None = None
    everywhere: bool = False

    def __post_init__(self) -> None:
        if not self.terms or not all(normalise(term) for term in self.terms):
            raise ContractError(f"category {self.name} needs terms of letters or digits")
        if (self.action is Action.SOFTEN) != (self.replacement is not None):
            raise ContractError(f"category {self.name}: a replacement goes with the action soften, and only with it")


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A version and its categories."""

    version: str
    categories: tuple[Category, ...]


def parse_policy(text: str) -> Policy:
    """Read a policy file. Raises PolicyInvalidError naming the path of the first mistake."""
    try:
        return from_json(Policy, text)
    except ContractError as exc:
        raise PolicyInvalidError(f"The moderation policy cannot be read: {exc}.") from exc


@functools.cache
def packaged_policy() -> Policy:
    """Return the policy that ships with this code."""
    return parse_policy(Path(__file__).with_name("moderation_policy.json").read_text(encoding="utf-8"))


# Letters that look like Latin ones, where NFKC keeps them apart: the common Cyrillic and Greek disguises.
_HOMOGLYPHS = str.maketrans("абвеикмнорстухіјѕԁɡһꓲαβεικνορτυχɩ", "abbeukmhopctyxijsdghiabeikvoptuxl")
_LEETSPEAK = str.maketrans("013457@$!|€", "oieastasile")
_SEPARATORS = re.compile(r"[\W_]+")
_SPELT_OUT = re.compile(r"(?<!\w)(?:\w ){2,}\w(?!\w)")


def _fold(text: str) -> str:
    """Compatibility form, no marks, no invisible characters, lower case, look-alikes as Latin letters."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text)).casefold()
    visible = "".join(c for c in decomposed if unicodedata.category(c) not in ("Mn", "Me", "Cf"))
    return visible.translate(_HOMOGLYPHS)


def normalise(text: str) -> str:
    """Return `text` as folded words of letters and digits between single spaces."""
    return _SEPARATORS.sub(" ", _fold(text)).strip()


def _views(text: str) -> tuple[str, ...]:
    """Return every reading of `text` in which a term is looked for: as written and un-leeted, between spaces so that
    whole words match, and each s p e l t  o u t stretch with its letters joined."""
    folded = _fold(text)
    readings = {_SEPARATORS.sub(" ", folded).strip(), _SEPARATORS.sub(" ", folded.translate(_LEETSPEAK)).strip()}
    spelt_out = {stretch.replace(" ", "") for reading in readings for stretch in _SPELT_OUT.findall(reading)}
    return (*(f" {reading} " for reading in readings), *spelt_out)


def judge_prompt(prompt: str, negative_prompt: str, policy: Policy, at_ms: int) -> Decision:
    """Judge what will reach the model; the frame of a preset is part of `prompt`, so it is judged as well."""
    views, negative_views = _views(prompt), _views(negative_prompt)
    matches = [
        category
        for category in policy.categories
        if _mentions(views, category) or (category.everywhere and _mentions(negative_views, category))
    ]
    if not matches:
        return Decision(stage="prompt", action=Action.ALLOW, policy_version=policy.version, at_ms=at_ms)
    strictest = max(matches, key=lambda category: _SEVERITY.index(category.action))
    action, softened = strictest.action, None
    if action is Action.SOFTEN:
        softened = functools.reduce(_soften, matches, prompt)
        if any(_mentions(_views(softened), category) for category in matches):
            action, softened = Action.BLOCK, None  # a disguise that could be seen but not replaced
    return Decision(
        stage="prompt",
        action=action,
        policy_version=policy.version,
        at_ms=at_ms,
        categories=tuple(category.name for category in matches if category.action is strictest.action),
        sentence=strictest.sentence if action is strictest.action else "The request breaks the content policy.",
        softened_prompt=softened,
    )


def _mentions(views: tuple[str, ...], category: Category) -> bool:
    return any(_mentions_term(view, normalise(term)) for term in category.terms for view in views)


def _mentions_term(view: str, term: str) -> bool:
    """A stretch of single letters has no words of its own ("a n u d e" is "anude"), so a term is looked for inside."""
    return f" {term} " in view if view.startswith(" ") else term.replace(" ", "") in view


def _soften(prompt: str, category: Category) -> str:
    for term in category.terms:
        words = r"[\W_]+".join(re.escape(word) for word in normalise(term).split())
        prompt = re.sub(rf"(?<!\w){words}(?!\w)", category.replacement or "", prompt, flags=re.IGNORECASE)
    return prompt
