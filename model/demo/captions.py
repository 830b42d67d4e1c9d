"""Words a scene as people word prompts: any order, synonyms, fillers, and any fact left out, down to one word.

What is left out may be anything in the picture, so the model learns to invent it.
"""

import re
from dataclasses import dataclass
from random import Random

from demo.scenes import Landscape, Scene, Shape
from demo.words import BACKGROUNDS, ENDINGS, NAMES, OPENINGS, OTHER_WORDS, PHRASES, PLACES, PRAISE, VAGUE


@dataclass(frozen=True, slots=True)
class Wording:
    """How talkative captions are: chances between 0 and 1."""

    opening: float = 0.2
    praise: float = 0.15
    ending: float = 0.12
    unknown: float = 0.1
    list_of_words: float = 0.18
    one_fact: float = 0.15
    keep: float = 0.72


def _noun(name: str, rng: Random, adjective: str = "") -> str:
    words = f"{adjective} {rng.choice(NAMES[name])}".strip()
    if rng.random() < 0.25:
        return words
    article = "the" if rng.random() < 0.15 else "a"
    plural = words.endswith("s") or name in ("snow", "grass")
    return words if plural and article != "the" else f"{article} {words}"


def _shape(scene: Shape, rng: Random, wording: Wording) -> list[str]:
    """The parts of the caption, subject first."""
    facts = {"shape", "colour", "background"} | ({"size"} if scene.size != "medium" else set())
    if rng.random() < wording.one_fact:
        kept = {rng.choice(("shape", "shape", "colour", "background"))}
    else:
        chances = {"shape": 0.96, "colour": 0.88, "background": 0.72, "size": 0.6}
        kept = {fact for fact in sorted(facts) if rng.random() < chances[fact]}
    colour = rng.choice(NAMES[scene.colour]) if "colour" in kept else ""
    size = rng.choice(NAMES[scene.size]) if "size" in kept else ""
    name = rng.choice(NAMES[scene.shape]) if "shape" in kept else rng.choice(VAGUE)
    order = rng.random()
    if kept == {"background"}:
        subject = ""
    elif order < 0.06 and colour:
        subject = " ".join(filter(None, (size, name, colour)))
    elif order < 0.12 and colour:
        subject = " ".join(filter(None, ("a", size, name, "in", colour)))
    else:
        words = " ".join(filter(None, (size, colour, name)))
        bare = rng.random() < 0.25
        subject = words if bare or name.endswith("s") else f"a {words}"
    parts = [subject] if subject else []
    if "background" in kept:
        behind = rng.choice(BACKGROUNDS).format(rng.choice(NAMES[scene.background]))
        if rng.random() < 0.12 and subject:
            return [f"{rng.choice(NAMES[scene.background])} background", rng.choice(("with", "and", ",")), subject]
        parts.append(behind)
    return parts


def _landscape(scene: Landscape, rng: Random, wording: Wording) -> list[str]:
    """The parts of the caption, subject first."""
    thing = "pine" if scene.thing == "tree" and scene.ground == "snow" else scene.thing
    facts = [scene.ground, scene.time]
    facts += [
        fact
        for fact, there in (("mountains", scene.mountains), ("stars", scene.stars), ("clouds", scene.clouds))
        if there
    ]
    facts += [fact for fact in (thing, scene.light) if fact]
    if rng.random() < wording.one_fact:
        kept = [rng.choice(facts + ([thing] * 2 if thing else []))]
    else:
        kept = [fact for fact in facts if rng.random() < (wording.keep + 0.15 if fact == thing else wording.keep)]
    rng.shuffle(kept)
    walls = rng.choice(NAMES[scene.walls]) if scene.walls and rng.random() < 0.75 else ""
    size = "" if rng.random() < 0.94 else rng.choice(("small", "big", "little", "large"))
    adjective = f"{size} {walls}".strip()
    if rng.random() < wording.list_of_words:
        return [_bare(fact, rng, walls if fact == "house" else "") + "," for fact in kept] or [rng.choice(PLACES)]
    nouns = [fact for fact in kept if fact not in ("day", "clouds")]
    subject: str | None = None
    if thing in kept:
        subject = thing
    elif nouns and rng.random() < 0.8:
        subject = rng.choice(nouns)
    if subject is None:
        place = rng.choice(PLACES)
        parts = [f"a {place}" if rng.random() < 0.6 else place]
    else:
        kept.remove(subject)
        parts = [_noun(subject, rng, adjective if subject == "house" else size if subject == "boat" else "")]
    return parts + [rng.choice(PHRASES[fact]) for fact in kept]


def _bare(fact: str, rng: Random, adjective: str) -> str:
    return f"{adjective} {rng.choice(NAMES[fact])}".strip()


def _unknown(rng: Random) -> str:
    if rng.random() < 0.6:
        return rng.choice(OTHER_WORDS)
    return "".join(rng.choice("etaoinshrdlucmfwypvbgkjqxz") for _ in range(rng.randint(2, 9)))


def caption(scene: Scene, rng: Random, wording: Wording = Wording()) -> str:
    """One of the many captions of the scene."""
    if rng.random() < wording.unknown / 4:
        parts = [rng.choice(("a", "the", "", "my")), _unknown(rng)]
    else:
        parts = _shape(scene, rng, wording) if isinstance(scene, Shape) else _landscape(scene, rng, wording)
    if rng.random() < wording.praise and parts and parts[0]:
        words = parts[0].split()
        words.insert(1 if words[0] in ("a", "an", "the") else 0, rng.choice(PRAISE))
        parts[0] = " ".join(words)
    if rng.random() < wording.opening:
        parts.insert(0, rng.choice(OPENINGS))
    if rng.random() < wording.unknown:
        aside = rng.choice(("{}", "and a {}", "with a {}", "{} style"))
        parts.insert(rng.randint(0, len(parts)), aside.format(_unknown(rng)))
    if rng.random() < wording.ending:
        parts.append(rng.choice((", ", "")) + rng.choice(ENDINGS))
    text = re.sub(r"\s+,", ",", " ".join(part for part in parts if part)).strip(" ,")
    text = re.sub(r"\ban? (?=([a-z]))", lambda found: "an " if found[1] in "aeiou" else "a ", text)
    return text + rng.choice((".", "!", "", "", "", "", "", ""))
