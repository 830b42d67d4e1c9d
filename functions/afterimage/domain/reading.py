"""A text as people would read it: without the disguises that keep a list of words from finding a word.

Each disguise that is seen through is one more reading beside the text as it stands, so that none hides what another
shows. Terms of a policy are read the same way; so Cyrillic ones are found although look-alikes are read as Latin.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

# Letters that look like Latin ones, where NFKC keeps them apart: Cyrillic and Greek disguises, small capitals, Armenian
# and Cherokee ones, and Latin letters whose stroke is no mark of its own.
_HOMOGLYPHS = str.maketrans(
    "абвеикмнорстухіјѕԁɡһꓲαβεικνορτυχɩᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢօսոհցզԛԝүѵɑıłøđħŧƅᎪᏴᏟᎠᎬᏀᎻᏆᎫᏦᏞᎷᏢᎡᏚᎢᏙᎳᏃ",
    "abbeukmhopctyxijsdghiabeikvoptuxlabcdefghijklmnopqrstuvwyzounhgzqwyvailodhtbabcdeghijklmprstvwz",
)
# Letters in squares and circles, and those that make flags; the light ones are taken care of by NFKC.
_LETTER_SIGNS = {
    first + offset: chr(ord("a") + offset) for first in (0x1F150, 0x1F170, 0x1F1E6) for offset in range(26)
}
# One sign stands for two letters, so there are two ways to read it.
_LEETSPEAK = (str.maketrans("0134568@79$!|€+", "oieasgbatgsilet"), str.maketrans("0134568@79$!|€+", "oleasgbatgsliet"))
_SEPARATORS = re.compile(r"[\W_]+")
# Of words that keep three characters, so that "x1 x2 x3" does not become letters that spell something.
_EDGE_DIGITS = re.compile(r"(?<=\w\w[^\W\d])\d+(?!\w)|(?<!\w)\d+(?=[^\W\d]\w\w)")
# One letter after the other; ß was folded to two.
_SPELT_OUT = re.compile(r"(?<!\w)(?:(?:\w|ss) ){2,}(?:\w|ss)(?!\w)")
_DRAWN_OUT = re.compile(r"([^\W\d_])\1{2,}")
# Hangul fillers are letters to Unicode and nothing to the eye.
_INVISIBLE_LETTERS = frozenset("\u115f\u1160\u3164\uffa0")
# Scripts that put no space between words.
_UNSPACED = re.compile(r"[\u3041-\u30ff\u3400-\u9fff\u0e00-\u0e7f]")
_KATAKANA = "\u30a1-\u30ff"
_LONG_WORD = 4


def _fold(text: str) -> str:
    """Compatibility form, no marks, no invisible characters, lower case, look-alikes as Latin letters."""
    if text.isascii():  # all of this would change nothing but the case
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text)).casefold()
    visible = "".join(
        c for c in decomposed if unicodedata.category(c) not in ("Mn", "Me", "Cf") and c not in _INVISIBLE_LETTERS
    )
    return visible.translate(_HOMOGLYPHS).translate(_LETTER_SIGNS)


def normalise(text: str) -> str:
    """Return `text` as folded words of letters and digits between single spaces."""
    return _spaced(_fold(text))


def is_unspaced(text: str) -> bool:
    """True for a text in a script that puts no space between words."""
    return _UNSPACED.search(text) is not None


def _spaced(folded: str) -> str:
    return _SEPARATORS.sub(" ", folded).strip()


def _without_inner_marks(folded: str) -> str:
    """Join what only punctuation parts: "nu-de" reads "nude". Words that a space parts stay apart ("the pen is")."""
    return " ".join(_SEPARATORS.sub("", word) for word in folded.split())


@dataclass(frozen=True, kw_only=True)
class Term:
    """A term as it is looked for. An asterisk at an end of it stands for any letters: `porn*`.

    Only a term of several words, none of them short, may be found across the borders of words: others are found in
    innocent neighbours ("shot a concert", "menino numa bicicleta").
    """

    joined: str
    forms: tuple[str, ...]
    inside: re.Pattern[str] | None
    long: bool

    @classmethod
    def of(cls, written: str) -> Term:
        """Return the term as a policy writes it; `joined` is empty for one without letters or digits."""
        words = normalise(written)
        joined = words.replace(" ", "")
        before = "" if written.startswith("*") else " "
        after = "" if written.endswith("*") else " "
        inside = None
        if is_unspaced(words):
            # A word in Katakana ends where Katakana does: the noodle is no nude.
            ahead = f"(?<![{_KATAKANA}])" if before and re.match(f"[{_KATAKANA}]", joined) else ""
            behind = f"(?![{_KATAKANA}])" if after and re.search(f"[{_KATAKANA}]$", joined) else ""
            inside = re.compile(ahead + re.escape(joined) + behind)
        long = joined != words and min(map(len, words.split())) >= _LONG_WORD
        forms = tuple(dict.fromkeys(f"{before}{form}{after}" for form in (words, joined)))
        return cls(joined=joined, forms=forms, inside=inside, long=long)


Terms = tuple[tuple[str, Term], ...]


def terms_of(written: tuple[str, ...]) -> Terms:
    """Return terms, each with its letters alone before it."""
    return tuple((term.joined, term) for term in map(Term.of, written))


@dataclass(frozen=True, kw_only=True)
class Readings:
    """The ways in which one text is read: `words` between spaces, so that whole words match; `stretches`, each one that
    is s p e l t  o u t with its letters joined; `unbroken`, each reading without any separator, a line each."""

    words: tuple[str, ...]
    stretches: tuple[str, ...]
    unbroken: str

    def mention_any(self, terms: Terms, across: bool) -> bool:
        """True when one of `terms` can be read somewhere. Nearly all are nowhere: there are a thousand, and as many
        prompts, so only those whose letters are there are looked at closely."""
        unbroken = self.unbroken
        return any(self._mention(term, across) for joined, term in terms if joined in unbroken)

    def _mention(self, term: Term, across: bool) -> bool:
        if any(form in words for words in self.words for form in term.forms):
            return True
        if term.inside and any(term.inside.search(text) for text in (*self.words, self.unbroken)):
            return True
        # A stretch of single letters has no words of its own ("a n u d e" is "anude"), so a term is looked for inside.
        if any(term.joined in stretch for stretch in self.stretches):
            return True
        return across and term.long

    def without(self, phrases: re.Pattern[str]) -> Readings:
        """Return the readings with innocent phrases taken out of them."""
        return _readings({phrases.sub("  ", words).strip() for words in self.words})


def innocent_pattern(phrases: tuple[str, ...]) -> re.Pattern[str] | None:
    """Return what finds these phrases in readings, their words joined or not; None for no phrases."""
    return re.compile("|".join(map(_innocent, phrases))) if phrases else None


def _innocent(phrase: str) -> str:
    words = normalise(phrase)
    found = " ?".join(map(re.escape, words.split()))
    return found if is_unspaced(words) else f"(?<= ){found}(?= )"


def read(text: str) -> Readings:
    """Read `text` as written, un-leeted and not drawn out, with and without the digits at the edges of words."""
    folded = _fold(text)
    versions = {folded, *(folded.translate(leet) for leet in _LEETSPEAK)}
    versions |= {_DRAWN_OUT.sub(repeat, version) for version in versions for repeat in (r"\1", r"\1\1")}
    readings = {view(version) for version in versions for view in (_spaced, _without_inner_marks)}
    bare = {_EDGE_DIGITS.sub("", reading) for reading in readings}
    return _readings(readings | bare | {reading.translate(leet) for reading in bare for leet in _LEETSPEAK})


def _readings(readings: set[str]) -> Readings:
    ordered = sorted(readings)
    return Readings(
        words=tuple(f" {reading} " for reading in ordered),
        stretches=tuple(s.replace(" ", "") for reading in ordered for s in _SPELT_OUT.findall(reading)),
        unbroken="\n".join({reading.replace(" ", "") for reading in ordered}),
    )
