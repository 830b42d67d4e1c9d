"""The policy file: categories of terms in several languages, each with one action and one sentence for the person."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from afterimage.contracts.codec import ContractError, from_document
from afterimage.domain.errors import PolicyInvalidError
from afterimage.domain.reading import Readings, Terms, innocent_pattern, normalise, terms_of
from afterimage.domain.verdicts import Action

PACKAGED = "packaged"


@dataclass(frozen=True, kw_only=True)
class Category:
    """Terms that share an action: `terms` of any language, `languages` those of one, by its code. An asterisk at an end
    of a term stands for any letters. `innocent` phrases are overlooked: "naked mole rat".

    "gore" in a negative prompt asks for its absence and is good practice, so only categories that are forbidden
    `everywhere` are looked for there, and `negative_terms`, whose absence is what the category is about ("clothes").
    Terms of several long words that are forbidden everywhere are also found across the borders of words.

    Only `soften` takes a `replacement`, and perhaps one by language in `replacements`.
    """

    name: str
    action: Action
    sentence: str
    terms: tuple[str, ...] = ()
    languages: dict[str, tuple[str, ...]] = field(default_factory=dict)
    negative_terms: tuple[str, ...] = ()
    innocent: tuple[str, ...] = ()
    replacement: str | None = None
    replacements: dict[str, str] = field(default_factory=dict)
    everywhere: bool = False

    def __post_init__(self) -> None:
        written = self.all_terms + self.negative_terms
        if not written or not all(map(normalise, written)):
            raise ContractError(f"category {self.name} needs terms of letters or digits")
        if (self.action is Action.SOFTEN) != (self.replacement is not None):
            raise ContractError(f"category {self.name}: a replacement goes with the action soften, and only with it")

    @functools.cached_property
    def all_terms(self) -> tuple[str, ...]:
        """Return the terms of every language."""
        return self.terms + tuple(term for terms in self.languages.values() for term in terms)

    @functools.cached_property
    def _looked_for(self) -> Terms:
        return terms_of(self.all_terms)

    @functools.cached_property
    def _innocent(self) -> re.Pattern[str] | None:
        return innocent_pattern(self.innocent)

    @functools.cached_property
    def _looked_for_in_negative(self) -> Terms:
        return terms_of(self.negative_terms)

    def found_in(self, readings: Readings, wanted: bool = True) -> bool:
        """True when a term can be read in a text, or in one that says what is not `wanted`."""
        terms = self._looked_for if wanted or self.everywhere else ()
        terms += () if wanted else self._looked_for_in_negative
        if not readings.mention_any(terms, self.everywhere):
            return False
        return self._innocent is None or readings.without(self._innocent).mention_any(terms, self.everywhere)

    def put_in_place_of(self) -> dict[str, str]:
        """Return what is put in the place of each term; for a category that softens."""
        by_language = {
            term: self.replacements.get(language, self.replacement or "")
            for language, terms in self.languages.items()
            for term in terms
        }
        return dict.fromkeys(self.terms, self.replacement or "") | by_language


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A version and its categories."""

    version: str
    categories: tuple[Category, ...]


@dataclass(frozen=True, kw_only=True)
class _Change:
    """An operator's differences from the packaged policy: categories in place of those of the same name, or beside
    them, and names of those that it goes `without`."""

    version: str
    extends: str
    categories: tuple[Category, ...] = ()
    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.extends != PACKAGED:
            raise ContractError(f"extends can only be {PACKAGED}")

    def made_to(self, policy: Policy) -> Policy:
        own = {category.name for category in self.categories}
        unknown = sorted(set(self.without) - {category.name for category in policy.categories})
        if unknown:
            raise ContractError(f"without names categories that the packaged policy has not: {', '.join(unknown)}")
        kept = tuple(c for c in policy.categories if c.name not in own and c.name not in self.without)
        return Policy(version=f"{self.version}+{policy.version}", categories=kept + self.categories)


def parse_policy(text: str) -> Policy:
    """Read a policy, whole or as differences. Raises PolicyInvalidError naming the path of the first mistake."""
    try:
        document = json.loads(text)
    except ValueError as exc:
        raise PolicyInvalidError(f"The moderation policy cannot be read: not JSON: {exc}.") from exc
    try:
        if isinstance(document, dict) and "extends" in document:
            return from_document(_Change, document).made_to(packaged_policy())
        return from_document(Policy, document)
    except ContractError as exc:
        raise PolicyInvalidError(f"The moderation policy cannot be read: {exc}.") from exc


@functools.cache
def packaged_policy() -> Policy:
    """Return the policy that ships with this code."""
    return parse_policy(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
