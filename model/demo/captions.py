"""Words a scene as people word prompts: any order, synonyms, fillers, and any fact left out, down to one word.

What is left out may be anything in the picture, so the model learns to invent it.
"""

import re
from dataclasses import dataclass
from random import Random
from typing import Final

from demo.scenes import Landscape, Scene, Shape

NAMES: Final[dict[str, tuple[str, ...]]] = {
    "circle": ("circle", "circle", "circle", "disc", "disk", "ball", "dot", "circles"),
    "square": ("square", "square", "square", "box", "block", "cube", "squares"),
    "triangle": ("triangle", "triangle", "triangle", "pyramid", "triangles"),
    "star": ("star", "star", "star", "pentagram"),
    "heart": ("heart", "heart", "heart", "love heart", "love", "hearts"),
    "red": ("red", "red", "red", "crimson", "scarlet"),
    "orange": ("orange", "orange", "orange", "tangerine"),
    "yellow": ("yellow", "yellow", "yellow", "gold", "golden"),
    "green": ("green", "green", "green", "emerald"),
    "blue": ("blue", "blue", "blue", "azure"),
    "purple": ("purple", "purple", "violet"),
    "pink": ("pink", "pink", "pink", "rose"),
    "black": ("black",),
    "white": ("white",),
    "small": ("small", "little", "tiny"),
    "big": ("big", "large", "huge", "giant"),
    "house": ("house", "house", "house", "home", "cottage", "cabin", "hut", "houses"),
    "tree": ("tree", "tree", "tree", "oak", "trees", "forest"),
    "pine": ("tree", "tree", "pine", "fir", "christmas tree", "trees", "forest"),
    "boat": ("boat", "boat", "boat", "ship", "sailboat", "sailing boat", "yacht", "boats"),
    "mountains": ("mountains", "mountains", "mountain", "mountain", "peaks", "alps"),
    "sun": ("sun", "sun", "sun", "sunshine"),
    "moon": ("moon", "moon", "full moon", "moonlight"),
    "stars": ("stars", "stars", "starry sky"),
    "clouds": ("clouds", "cloud", "cloudy sky"),
    "grass": ("grass", "meadow", "field", "green field", "hill", "hills", "lawn"),
    "sea": ("sea", "sea", "ocean", "water", "lake", "waves"),
    "snow": ("snow", "snow", "winter", "ice"),
    "sand": ("desert", "sand", "dune", "dunes", "beach"),
    "day": ("day", "daytime", "morning", "blue sky", "sunny day"),
    "sunset": ("sunset", "sunset", "sunset", "dusk", "sunrise", "dawn", "evening"),
    "night": ("night", "night", "night", "midnight", "dark night", "night sky"),
}
"""How each thing is called; a name that stands twice is used twice as often."""

PHRASES: Final[dict[str, tuple[str, ...]]] = {
    "grass": ("on the grass", "in a meadow", "in a field", "on a hill", "on a green hill", "in the countryside"),
    "sea": ("on the sea", "at sea", "on the water", "on the ocean", "over the ocean", "on a lake", "by the sea"),
    "snow": ("in the snow", "in winter", "in a snowy field", "on snow", "covered in snow"),
    "sand": ("in the desert", "on the sand", "on the beach", "on a dune"),
    "day": ("by day", "in the morning", "under a blue sky", "on a sunny day", "at noon", "in daylight", "during the day"),
    "sunset": ("at sunset", "at sunset", "at dusk", "in the evening", "at dawn", "at sunrise", "in the sunset"),
    "night": ("at night", "at night", "by night", "at midnight", "in the dark", "under a night sky", "in the night"),
    "sun": ("under the sun", "with a sun", "with the sun", "in the sun", "and the sun", "and a sun"),
    "moon": ("under the moon", "with a moon", "with the moon", "in the moonlight", "under a full moon", "and a moon"),
    "stars": ("under the stars", "with stars", "and stars", "under a starry sky", "full of stars"),
    "clouds": ("with clouds", "under clouds", "and clouds", "with a cloud", "under a cloudy sky"),
    "mountains": ("in the mountains", "with mountains", "and mountains", "in front of mountains", "near a mountain",
                  "with a mountain", "with mountains in the background"),
}
"""How each thing follows the subject of a sentence."""

BACKGROUNDS: Final = ("on a {} background", "on a {} background", "on {}", "on a {} backdrop", "with a {} background",
                      "against a {} background", "{} background", "in front of a {} wall", "over {}", "on a {} wall")
OPENINGS: Final = ("a picture of", "an image of", "a drawing of", "a photo of", "draw", "please draw", "an illustration of",
                   "a painting of", "show me", "i want", "paint", "make", "create", "generate", "there is", "one")
PRAISE: Final = ("beautiful", "nice", "simple", "pretty", "lovely", "cute", "minimalist", "colorful", "colourful",
                 "gorgeous", "stunning", "amazing", "calm", "peaceful", "single", "bright", "old", "new")
ENDINGS: Final = ("please", "high quality", "flat design", "detailed", "minimal", "illustration", "art", "artwork",
                  "vector art", "wallpaper", "clean lines", "best quality", "masterpiece", "cartoon", "icon", "logo")
PLACES: Final = ("landscape", "scenery", "view", "scene", "nature", "outdoors", "world", "picture")
VAGUE: Final = ("shape", "figure", "thing", "something", "symbol")

OTHER_WORDS: Final = tuple(
    """cat dog car horse bird robot dragon castle city street woman man girl boy child king queen wizard knight
    flower garden river bridge road train plane rocket bicycle bus truck table chair lamp book phone computer guitar
    apple banana pizza cake bread coffee tea fish shark whale lion tiger bear wolf fox rabbit mouse cow pig sheep duck
    owl eagle snake spider butterfly bee tower church temple village town shop school kitchen room window door
    happy sad angry scary funny strange magic futuristic ancient modern realistic abstract cyberpunk steampunk fantasy
    running jumping flying sleeping eating dancing holding wearing hat shirt shoes face eyes hair hand
    fire smoke lightning rain storm wind fog rainbow planet galaxy space alien astronaut spaceship robot helicopter
    brown gray grey silver turquoise beige oil watercolor pencil sketch render realistic anime style cinematic
    hello test foo what who where when if is are was will can see look very much many some three four five ten""".split()
)
"""Words of everyday prompts that the world has no thing for: the model hears them in training and learns to ignore them."""

ARTICLES: Final = ("a", "an", "the", "and", "of", "with", "in", "on", "at", "it", "to", "two", "my")


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
    facts += [fact for fact, there in (("mountains", scene.mountains), ("stars", scene.stars),
                                       ("clouds", scene.clouds)) if there]
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
    if thing in kept:
        subject = thing
    else:
        nouns = [fact for fact in kept if fact not in ("day", "clouds")]
        subject = rng.choice(nouns) if nouns and rng.random() < 0.8 else None
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
        parts.insert(rng.randint(0, len(parts)), rng.choice(("{}", "and a {}", "with a {}", "{} style")).format(_unknown(rng)))
    if rng.random() < wording.ending:
        parts.append(rng.choice((", ", "")) + rng.choice(ENDINGS))
    text = re.sub(r"\s+,", ",", " ".join(part for part in parts if part)).strip(" ,")
    text = re.sub(r"\ban? (?=([a-z]))", lambda found: "an " if found[1] in "aeiou" else "a ", text)
    return text + rng.choice((".", "!", "", "", "", "", "", ""))


def vocabulary() -> list[str]:
    """Every word the captions mean something by, and the small words around them, sorted."""
    sources = [*ARTICLES, *BACKGROUNDS, *OPENINGS, *PRAISE, *ENDINGS, *PLACES, *VAGUE]
    for table in (NAMES, PHRASES):
        for entries in table.values():
            sources += entries
    return sorted({word for source in sources for word in re.findall(r"[a-z0-9]+", source)})
