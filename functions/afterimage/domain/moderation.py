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
    """What becomes of a job. Ordered from mild to strict; the strictest match decides. HOLD waits for a person."""

    ALLOW = "allow"
    SOFTEN = "soften"
    HOLD = "hold"
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
    `everywhere` are looked for there. Their terms of several words are also found across the borders of words.
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


# Letters that look like Latin ones, where NFKC keeps them apart: Cyrillic and Greek disguises, small capitals.
_HOMOGLYPHS = str.maketrans(
    "абвеикмнорстухіјѕԁɡһꓲαβεικνορτυχɩᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ",
    "abbeukmhopctyxijsdghiabeikvoptuxlabcdefghijklmnopqrstuvwyz",
)
_LEETSPEAK = str.maketrans("013457@$!|€", "oieastasile")
_SEPARATORS = re.compile(r"[\W_]+")
# Of words that keep three characters, so that "x1 x2 x3" does not become letters that spell something.
_EDGE_DIGITS = re.compile(r"(?<=\w\w[^\W\d])\d+(?!\w)|(?<!\w)\d+(?=[^\W\d]\w\w)")
_SPELT_OUT = re.compile(r"(?<!\w)(?:\w ){2,}\w(?!\w)")
# Hangul fillers are letters to Unicode and nothing to the eye.
_INVISIBLE_LETTERS = frozenset("\u115f\u1160\u3164\uffa0")


def _fold(text: str) -> str:
    """Compatibility form, no marks, no invisible characters, lower case, look-alikes as Latin letters."""
    if text.isascii():  # all of this would change nothing but the case
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text)).casefold()
    visible = "".join(
        c for c in decomposed if unicodedata.category(c) not in ("Mn", "Me", "Cf") and c not in _INVISIBLE_LETTERS
    )
    return visible.translate(_HOMOGLYPHS)


def normalise(text: str) -> str:
    """Return `text` as folded words of letters and digits between single spaces."""
    return _spaced(_fold(text))


@functools.lru_cache(maxsize=4096)
def _normal_term(term: str) -> str:
    """Terms are the policy's and few, and looked for in every prompt of a campaign."""
    return normalise(term)


def _spaced(folded: str) -> str:
    return _SEPARATORS.sub(" ", folded).strip()


def _without_inner_marks(folded: str) -> str:
    """Join what only punctuation parts: "nu-de" reads "nude". Words that a space parts stay apart ("the pen is")."""
    return " ".join(_SEPARATORS.sub("", word) for word in folded.split())


@dataclass(frozen=True, kw_only=True)
class _Readings:
    """The ways in which one text is read: `words` between spaces, so that whole words match; `stretches`, each one that
    is s p e l t  o u t with its letters joined; `unbroken`, the whole text without any separator."""

    words: tuple[str, ...]
    stretches: tuple[str, ...]
    unbroken: tuple[str, ...]

    def mention(self, category: Category) -> bool:
        """True when a term of `category` can be read somewhere."""
        return any(self._mention_term(_normal_term(term), category.everywhere) for term in category.terms)

    def _mention_term(self, term: str, everywhere: bool) -> bool:
        joined = term.replace(" ", "")
        if not any(joined in text for text in self.unbroken):  # so it is nowhere: the rest looks more closely
            return False
        if any(f" {term} " in words or f" {joined} " in words for words in self.words):
            return True
        # A stretch of single letters has no words of its own ("a n u d e" is "anude"), so a term is looked for inside.
        if any(joined in stretch for stretch in self.stretches):
            return True
        # Only terms of several words: one alone is found in innocent neighbours ("shot a concert").
        return everywhere and joined != term


def _read(text: str) -> _Readings:
    """Read `text` as written and un-leeted, with and without the digits at the edges of words."""
    folded = _fold(text)
    readings = {
        view(version) for version in (folded, folded.translate(_LEETSPEAK)) for view in (_spaced, _without_inner_marks)
    }
    bare = {_EDGE_DIGITS.sub("", reading) for reading in readings}
    readings |= bare | {reading.translate(_LEETSPEAK) for reading in bare}
    return _Readings(
        words=tuple(f" {reading} " for reading in readings),
        stretches=tuple(s.replace(" ", "") for reading in readings for s in _SPELT_OUT.findall(reading)),
        unbroken=tuple({reading.replace(" ", "") for reading in readings}),
    )


def judge_prompt(prompt: str, negative_prompt: str, policy: Policy, at_ms: int) -> Decision:
    """Judge what will reach the model; the frame of a preset is part of `prompt`, so it is judged as well."""
    readings, negative_readings = _read(prompt), _read(negative_prompt)
    matches = [
        category
        for category in policy.categories
        if readings.mention(category) or (category.everywhere and negative_readings.mention(category))
    ]
    if not matches:
        return Decision(stage="prompt", action=Action.ALLOW, policy_version=policy.version, at_ms=at_ms)
    strictest = max(matches, key=lambda category: _SEVERITY.index(category.action))
    action, softened = strictest.action, None
    if action is Action.SOFTEN:
        softened = functools.reduce(_soften, matches, prompt)
        if any(_read(softened).mention(category) for category in matches):
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


def _soften(prompt: str, category: Category) -> str:
    for term in category.terms:
        words = r"[\W_]*".join(re.escape(word) for word in normalise(term).split())
        # A function, because a replacement of an operator's own policy is text, not a template with group references.
        prompt = re.sub(rf"(?<!\w){words}(?!\w)", lambda _: category.replacement or "", prompt, flags=re.IGNORECASE)
    return prompt
