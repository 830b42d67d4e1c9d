"""Words a scene as people word prompts: any order, synonyms, fillers, and any fact left out, down to one word.

What is left out may be anything in the picture, so the model learns to invent it. Three things are told more often than
a person might: a look other than flat, an odd colour, and how many there are, or else one word would bring all of them.
"""

import re
from dataclasses import dataclass, replace
from random import Random

from world.scenes import NATURAL, Item, Landscape, Plain, Scene
from world.words import (
    BACKGROUNDS,
    BESIDE,
    BETWEEN,
    ENDINGS,
    LOOK_AFTER,
    LOOK_BEFORE,
    NAMES,
    NUMBERS,
    OPENINGS,
    OPPOSITE,
    OTHER_WORDS,
    PHRASES,
    PLACES,
    PRAISE,
    SEVERAL,
    TOGETHER,
    VAGUE,
    plural,
)

Parts = list[str]


@dataclass(frozen=True, slots=True)
class Wording:
    """How talkative captions are: chances between 0 and 1."""

    opening: float = 0.2
    praise: float = 0.15
    ending: float = 0.12
    unknown: float = 0.1
    list_of_words: float = 0.16
    one_fact: float = 0.14
    keep: float = 0.76
    look: float = 0.97
    flat: float = 0.06


TOLD = Wording(unknown=0.0, praise=0.1, ending=0.1, list_of_words=0.12, one_fact=0.0, keep=1.0, look=1.0)
"""Captions that leave nothing out, worded as people do."""


def _article(words: str, rng: Random) -> str:
    return words if rng.random() < 0.25 else f"{'the' if rng.random() < 0.1 else 'a'} {words}"


def _colour(kind: str, colour: str, rng: Random, wording: Wording) -> str:
    """The colour's name, or nothing; a natural colour goes without saying more often."""
    if not colour:
        return ""
    chance = wording.keep - 0.14 if colour in NATURAL.get(kind, ()) else wording.keep + 0.18
    return rng.choice(NAMES[colour]) if rng.random() < chance or wording.keep == 1 else ""


def _described(item: Item, rng: Random, wording: Wording, size: str = "") -> str:
    """One item with its article: "a small red circle", "circle in red", "the house"."""
    colour, name = _colour(item.kind, item.colour, rng, wording), rng.choice(NAMES[item.kind])
    if colour and rng.random() < 0.08:
        return _article(" ".join(filter(None, (size, name, "in", colour))), rng)
    if colour and rng.random() < 0.03:
        return " ".join(filter(None, (size, name, colour)))
    return _article(" ".join(filter(None, (size, colour, name))), rng)


def _one(scene: Plain, rng: Random, wording: Wording) -> Parts:
    (item,) = scene.items
    size = rng.choice(NAMES[scene.size]) if scene.size != "medium" and rng.random() < wording.keep - 0.1 else ""
    if rng.random() >= wording.one_fact:
        if wording.keep < 1 and rng.random() < 0.04:
            colour = _colour("", item.colour, rng, wording)
            return [_article(" ".join(filter(None, (size, colour, rng.choice(VAGUE)))), rng)]
        return [_described(item, rng, wording, size)]
    fact = rng.random()
    if fact < 0.72:
        return [rng.choice(NAMES[item.kind])]
    return [rng.choice(NAMES[item.colour])] if item.colour and fact < 0.86 else []


def _alike(scene: Plain, rng: Random, wording: Wording) -> Parts:
    item, count = scene.items[0], len(scene.items)
    told = rng.random() < max(wording.keep, 0.85)
    number = rng.choice(NUMBERS[count] if told else SEVERAL)
    colour, name = _colour(item.kind, item.colour, rng, wording), rng.choice(NAMES[item.kind])
    return [" ".join(filter(None, (number, colour, rng.choice(plural(name)))))]


def _two(scene: Plain, rng: Random, wording: Wording) -> Parts:
    first, second = (_described(item, rng, wording) for item in scene.items)
    relation = scene.relation or "left"
    if rng.random() >= max(wording.keep, 0.8):
        beside = relation in ("left", "right") and rng.random() < 0.4
        first, second = rng.sample((first, second), 2)
        return [first, rng.choice(BESIDE if beside else TOGETHER), second]
    if rng.random() < 0.35:
        return [second, rng.choice(BETWEEN[OPPOSITE[relation]]), first]
    return [first, rng.choice(BETWEEN[relation]), second]


def _plain(scene: Plain, rng: Random, wording: Wording) -> Parts:
    """The parts of the caption, subject first."""
    if scene.look == "line art":
        scene = replace(scene, items=tuple(replace(item, colour="") for item in scene.items))  # ink has no colours
    if scene.relation:
        parts = _two(scene, rng, wording)
    else:
        parts = (_one if len(scene.items) == 1 else _alike)(scene, rng, wording)
    if parts and (len(parts[0].split()) == 1 and rng.random() < 0.7 and wording.keep < 1):
        return parts
    if scene.look != "line art" and (not parts or rng.random() < wording.keep - 0.06 or wording.keep == 1):
        if parts and len(parts) == 1 and rng.random() < 0.1:
            return [f"{rng.choice(NAMES[scene.background])} background", rng.choice(("with", "and", ",")), *parts]
        parts = [*parts, rng.choice(BACKGROUNDS).format(rng.choice(NAMES[scene.background]))]
    return parts


def facts_of(scene: Landscape) -> list[str]:
    """What there is to say of a landscape, its thing apart."""
    there = (
        (scene.ground, True),
        (scene.time, scene.look != "line art"),
        ("mountains", scene.mountains),
        ("stars", scene.stars),
        ("clouds", scene.clouds),
        (f"the {scene.light}", scene.light is not None),
    )
    return [fact for fact, shows in there if shows]


def _landscape(scene: Landscape, rng: Random, wording: Wording) -> Parts:
    """The parts of the caption, subject first."""
    facts = facts_of(scene)
    if rng.random() < wording.one_fact:
        choices = facts + ([scene.thing] * 2 if scene.thing else [])
        return [rng.choice(NAMES[rng.choice(choices)])]
    kept = [fact for fact in facts if rng.random() < wording.keep or wording.keep == 1]
    rng.shuffle(kept)
    thing = ""
    if scene.thing and rng.random() < wording.keep + 0.16:
        colour = scene.colour if scene.look != "line art" and rng.random() < 0.6 else ""
        name = rng.choice(NAMES[scene.thing])
        thing = " ".join(filter(None, (rng.choice(NAMES[colour]) if colour else "", name)))
    if rng.random() < wording.list_of_words:
        listed = [thing] if thing else []
        listed += [rng.choice(NAMES[fact]) for fact in kept]
        rng.shuffle(listed)
        return [", ".join(listed) or rng.choice(PLACES)]
    nouns = [fact for fact in kept if fact not in ("day", "clouds")]
    if thing:
        subject = _article(thing, rng)
    elif nouns and rng.random() < 0.8:
        kept.remove(fact := rng.choice(nouns))
        subject = rng.choice(NAMES[fact])
        subject = subject if subject.endswith("s") or fact in ("snow", "grass") else _article(subject, rng)
    else:
        subject = _article(rng.choice(PLACES), rng)
    return [subject, *(rng.choice(PHRASES[fact]) for fact in kept)]


def _unknown(rng: Random) -> str:
    if rng.random() < 0.6:
        return rng.choice(OTHER_WORDS)
    return "".join(rng.choice("etaoinshrdlucmfwypvbgkjqxz") for _ in range(rng.randint(2, 9)))


def _praised(parts: Parts, rng: Random) -> Parts:
    """Puts an adjective that means nothing before the first noun."""
    words = parts[0].split()
    words.insert(1 if words[0] in ("a", "an", "the") else 0, rng.choice(PRAISE))
    return [" ".join(words), *parts[1:]]


def _joined(parts: Parts) -> str:
    """One line of text, with the right article before vowels and commas where they belong."""
    text = re.sub(r"\s+,", ",", " ".join(part for part in parts if part)).strip(" ,")
    return re.sub(r"\ban? (?=([a-z]))", lambda found: "an " if found[1] in "aeiou" else "a ", text)


def caption(scene: Scene, rng: Random, wording: Wording = Wording()) -> str:
    """One of the many captions of the scene."""
    if rng.random() < wording.unknown / 4:
        parts = [rng.choice(("a", "the", "", "my")), _unknown(rng)]
    else:
        parts = _plain(scene, rng, wording) if isinstance(scene, Plain) else _landscape(scene, rng, wording)
    if rng.random() < wording.praise and parts and parts[0]:
        parts = _praised(parts, rng)
    after = rng.random() < 0.7
    told = rng.random() < (wording.flat if scene.look == "flat" else wording.look)
    if told and not after:
        parts.insert(0, rng.choice(LOOK_BEFORE[scene.look]))
    elif rng.random() < wording.opening:
        parts.insert(0, rng.choice(OPENINGS))
    if rng.random() < wording.unknown:
        aside = rng.choice(("{}", "and a {}", "with a {}", "{} style"))
        parts.insert(rng.randint(0, len(parts)), aside.format(_unknown(rng)))
    if told and after:
        parts.append(rng.choice(LOOK_AFTER[scene.look]))
    if rng.random() < wording.ending:
        parts.append(rng.choice((", ", "")) + rng.choice(ENDINGS))
    return _joined(parts) + rng.choice((".", "!", "", "", "", "", "", ""))
