"""The words of the demo world: what things are called, how they follow a subject, and what surrounds them."""

import re
from typing import Final

# fmt: off
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
    "day": ("by day", "in the morning", "under a blue sky", "on a sunny day", "at noon", "in daylight",
            "during the day"),
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
OPENINGS: Final = ("a picture of", "an image of", "a drawing of", "a photo of", "draw", "please draw",
                   "an illustration of", "a painting of", "show me", "i want", "paint", "make", "create", "generate",
                   "there is", "one")
PRAISE: Final = ("beautiful", "nice", "simple", "pretty", "lovely", "cute", "minimalist", "colorful", "colourful",
                 "gorgeous", "stunning", "amazing", "calm", "peaceful", "single", "bright", "old", "new")
ENDINGS: Final = ("please", "high quality", "flat design", "detailed", "minimal", "illustration", "art", "artwork",
                  "vector art", "wallpaper", "clean lines", "best quality", "masterpiece", "cartoon", "icon", "logo")
PLACES: Final = ("landscape", "scenery", "view", "scene", "nature", "outdoors", "world", "picture")
VAGUE: Final = ("shape", "figure", "thing", "something", "symbol")

OTHER_WORDS: Final = tuple(
    """
    cat dog car horse bird robot dragon castle city street woman man girl boy child king queen wizard knight
    flower garden river bridge road train plane rocket bicycle bus truck table chair lamp book phone computer
    guitar apple banana pizza cake bread coffee tea fish shark whale lion tiger bear wolf fox rabbit mouse cow pig
    sheep duck owl eagle snake spider butterfly bee tower church temple village town shop school kitchen room
    window door happy sad angry scary funny strange magic futuristic ancient modern realistic abstract cyberpunk
    steampunk fantasy running jumping flying sleeping eating dancing holding wearing hat shirt shoes face eyes
    hair hand fire smoke lightning rain storm wind fog rainbow planet galaxy space alien astronaut spaceship
    helicopter brown gray grey silver turquoise beige oil watercolor pencil sketch render anime style cinematic
    hello test foo what who where when if are was will can see look very much many some three four five ten
    """.split()  # noqa: SIM905 - a list of 170 strings reads worse
)
"""Words of everyday prompts for which the world has nothing: heard in training, they are learnt to be ignored."""

ARTICLES: Final = ("a", "an", "the", "and", "of", "with", "in", "on", "at", "it", "to", "two", "my")
# fmt: on


def vocabulary() -> list[str]:
    """Every word the captions mean something by, and the small words around them, sorted."""
    sources = [*ARTICLES, *BACKGROUNDS, *OPENINGS, *PRAISE, *ENDINGS, *PLACES, *VAGUE]
    for table in (NAMES, PHRASES):
        for entries in table.values():
            sources += entries
    return sorted({word for source in sources for word in re.findall(r"[a-z0-9]+", source)})
