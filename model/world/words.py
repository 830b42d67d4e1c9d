"""The words of the drawn world: what things are called, how they follow a subject, and what surrounds them."""

import re
from typing import Final

# fmt: off
NAMES: Final[dict[str, tuple[str, ...]]] = {
    "circle": ("circle", "circle", "circle", "disc", "disk", "ball", "dot"),
    "square": ("square", "square", "square", "box", "block", "cube"),
    "triangle": ("triangle", "triangle", "triangle", "pyramid"),
    "star": ("star", "star", "star", "pentagram"),
    "heart": ("heart", "heart", "heart", "love heart", "love"),
    "diamond": ("diamond", "diamond", "rhombus"),
    "red": ("red", "red", "red", "crimson", "scarlet"),
    "orange": ("orange", "orange", "orange", "tangerine", "ginger"),
    "yellow": ("yellow", "yellow", "yellow", "gold", "golden"),
    "green": ("green", "green", "green", "emerald"),
    "blue": ("blue", "blue", "blue", "azure", "navy"),
    "purple": ("purple", "purple", "violet", "lilac"),
    "pink": ("pink", "pink", "pink", "magenta"),
    "brown": ("brown", "brown", "chocolate"),
    "grey": ("grey", "gray", "silver"),
    "black": ("black",),
    "white": ("white",),
    "small": ("small", "little", "tiny"),
    "big": ("big", "large", "huge", "giant"),
    "house": ("house", "house", "house", "home", "cottage", "cabin", "hut"),
    "tree": ("tree", "tree", "tree", "oak"),
    "pine": ("tree", "pine", "pine tree", "fir", "christmas tree"),
    "boat": ("boat", "boat", "boat", "ship", "sailboat", "sailing boat", "yacht"),
    "car": ("car", "car", "car", "automobile", "taxi"),
    "rocket": ("rocket", "rocket", "rocket", "spaceship", "space rocket"),
    "cat": ("cat", "cat", "cat", "kitten", "kitty", "cat face"),
    "flower": ("flower", "flower", "flower", "daisy", "blossom", "rose"),
    "sun": ("sun", "sun", "sun", "sunshine"),
    "moon": ("moon", "moon", "crescent", "crescent moon"),
    "fish": ("fish", "fish", "goldfish"),
    "mushroom": ("mushroom", "mushroom", "toadstool"),
    "balloon": ("balloon", "balloon", "party balloon"),
    "apple": ("apple", "apple", "fruit"),
    "umbrella": ("umbrella", "umbrella", "parasol"),
    "robot": ("robot", "robot", "robot face", "android"),
    "butterfly": ("butterfly", "butterfly", "moth"),
    "lighthouse": ("lighthouse", "lighthouse", "beacon"),
    "cactus": ("cactus",),
    "snowman": ("snowman",),
    "mountains": ("mountains", "mountains", "mountain", "mountain", "peaks", "alps"),
    "the sun": ("sun", "sun", "sun", "sunshine"),
    "the moon": ("moon", "moon", "full moon", "moonlight"),
    "stars": ("stars", "stars", "starry sky"),
    "clouds": ("clouds", "cloud", "cloudy sky"),
    "grass": ("grass", "meadow", "field", "green field", "hill", "hills", "lawn", "countryside"),
    "sea": ("sea", "sea", "ocean", "water", "lake", "waves"),
    "snow": ("snow", "snow", "winter", "ice"),
    "sand": ("desert", "sand", "dune", "dunes", "beach"),
    "day": ("day", "daytime", "morning", "blue sky", "sunny day"),
    "sunset": ("sunset", "sunset", "sunset", "dusk", "sunrise", "dawn", "evening", "golden hour"),
    "night": ("night", "night", "night", "midnight", "dark night", "night sky"),
}
"""How each thing is called; a name that stands twice is used twice as often."""

PLURALS: Final[dict[str, tuple[str, ...]]] = {
    "box": ("boxes",), "fish": ("fish", "fishes"), "goldfish": ("goldfish",), "butterfly": ("butterflies",),
    "cactus": ("cacti", "cactuses"), "daisy": ("daisies",), "kitty": ("kitties",), "taxi": ("taxis",),
    "love": ("love",), "rhombus": ("rhombuses",), "fruit": ("fruits",), "sunshine": ("suns",),
}
"""Plurals that are not the name and an s."""

NUMBERS: Final[dict[int, tuple[str, ...]]] = {
    2: ("two", "two", "2", "a pair of", "a couple of", "both"),
    3: ("three", "three", "3"),
    4: ("four", "four", "4"),
}
SEVERAL: Final = ("", "", "some", "several", "many", "a few")

BETWEEN: Final[dict[str, tuple[str, ...]]] = {
    "left": ("left of", "to the left of", "on the left of", "at the left of"),
    "right": ("right of", "to the right of", "on the right of", "at the right of"),
    "above": ("above", "above", "over", "on top of"),
    "below": ("below", "below", "under", "beneath", "underneath"),
}
"""How the first of two things stands to the second."""
OPPOSITE: Final = {"left": "right", "right": "left", "above": "below", "below": "above"}
BESIDE: Final = ("next to", "beside", "and", "by")
TOGETHER: Final = ("and", "and", "with", ",", "plus")

PHRASES: Final[dict[str, tuple[str, ...]]] = {
    "grass": ("on the grass", "in a meadow", "in a field", "on a hill", "on a green hill", "in the countryside"),
    "sea": ("on the sea", "at sea", "on the water", "on the ocean", "over the ocean", "on a lake", "by the sea"),
    "snow": ("in the snow", "in winter", "in a snowy field", "on snow", "covered in snow"),
    "sand": ("in the desert", "on the sand", "on the beach", "on a dune"),
    "day": ("by day", "in the morning", "under a blue sky", "on a sunny day", "at noon", "in daylight",
            "during the day"),
    "sunset": ("at sunset", "at sunset", "at dusk", "in the evening", "at dawn", "at sunrise", "in the sunset",
               "at golden hour"),
    "night": ("at night", "at night", "by night", "at midnight", "in the dark", "under a night sky", "in the night"),
    "the sun": ("under the sun", "with a sun", "with the sun", "in the sun", "and the sun", "and a sun"),
    "the moon": ("under the moon", "with a moon", "with the moon", "in the moonlight", "under a full moon",
                 "and a moon"),
    "stars": ("under the stars", "with stars", "and stars", "under a starry sky", "full of stars"),
    "clouds": ("with clouds", "under clouds", "and clouds", "with a cloud", "under a cloudy sky"),
    "mountains": ("in the mountains", "with mountains", "and mountains", "in front of mountains", "near a mountain",
                  "with a mountain", "with mountains in the background"),
}
"""How each part of a landscape follows the subject of a sentence."""

LOOK_BEFORE: Final[dict[str, tuple[str, ...]]] = {
    "watercolour": ("a watercolour of", "a watercolor painting of", "watercolour", "a watercolour painting of",
                    "an aquarelle of", "watercolor"),
    "pixel art": ("pixel art of", "pixel art", "a pixel art picture of", "8 bit", "a pixelated", "pixelated"),
    "line art": ("a line drawing of", "line art of", "a coloring page of", "a colouring page of", "an ink drawing of",
                 "black and white drawing of", "an outline of", "line art"),
    "flat": ("a flat icon of", "a flat illustration of", "a vector drawing of"),
}
LOOK_AFTER: Final[dict[str, tuple[str, ...]]] = {
    "watercolour": (", watercolour", ", watercolor", "in watercolour", "in watercolors", "as a watercolour",
                    ", watercolour painting, loose washes, visible paper grain, soft edges", "watercolor style",
                    ", watercolour painting", ", aquarelle"),
    "pixel art": (", pixel art", ", pixel art", "in pixel art style", "as pixel art", ", 8 bit", ", pixelated",
                  ", pixel art, 16 colour palette, crisp pixels, game sprite", ", retro game", "in pixels"),
    "line art": (", line art", ", line drawing", "as line art", ", outline", ", black and white", ", coloring page",
                 ", clean black ink line art on white paper, single line weight, no shading", ", ink drawing",
                 ", black ink on white"),
    "flat": (", flat", ", flat design", ", flat icon, simple shapes, solid background, centred", ", vector art",
             ", icon", ", clipart", ", emoji"),
}
"""How the look of a picture is asked for, before or after what it shows; presets have the long ones."""

BACKGROUNDS: Final = ("on a {} background", "on a {} background", "on {}", "on a {} backdrop", "with a {} background",
                      "against a {} background", "{} background", "in front of a {} wall", "over {}", "on a {} wall")
OPENINGS: Final = ("a picture of", "an image of", "a drawing of", "a photo of", "draw", "please draw",
                   "an illustration of", "a painting of", "show me", "i want", "paint", "make", "create", "generate",
                   "there is", "give me", "can you draw")
PRAISE: Final = ("beautiful", "nice", "simple", "pretty", "lovely", "cute", "minimalist", "colorful", "colourful",
                 "gorgeous", "stunning", "amazing", "calm", "peaceful", "single", "bright", "old", "new", "happy",
                 "funny", "sweet", "perfect", "magical")
ENDINGS: Final = ("please", "high quality", "detailed", "minimal", "illustration", "art", "artwork", "wallpaper",
                  "clean lines", "best quality", "masterpiece", "cartoon", "logo", "for kids", "poster",
                  "natural light photograph, 50mm lens, sharp focus, fine detail",
                  "movie poster, dramatic rim light, bold composition, cinematic colour, painted key art",
                  "studio product photograph, seamless background, softbox light, centred",
                  "wide landscape, atmospheric depth, high detail",
                  "storybook illustration, warm gouache, gentle shapes, cosy light")
PLACES: Final = ("landscape", "scenery", "view", "scene", "nature", "outdoors", "world", "picture", "panorama")
VAGUE: Final = ("shape", "figure", "thing", "something", "symbol")

OTHER_WORDS: Final = tuple(
    """
    dog horse bird dragon castle city street woman man girl boy child king queen wizard knight person people
    garden river bridge road train plane bicycle bus truck table chair lamp book phone computer
    guitar banana pizza cake bread coffee tea shark whale lion tiger bear wolf fox rabbit mouse cow pig
    sheep duck owl eagle snake spider bee tower church temple village town shop school kitchen room
    window door sad angry scary strange magic futuristic ancient modern realistic abstract cyberpunk
    steampunk fantasy running jumping flying sleeping eating dancing holding wearing hat shirt shoes eyes
    hair hand fire smoke lightning rain storm wind fog rainbow planet galaxy alien astronaut
    helicopter turquoise beige teal oil pencil sketch render anime lemon pear tomato bottle cup knife
    hello test foo what who where when if are was will see look very much five six seven ten eleven
    """.split()  # noqa: SIM905 - a list of 170 strings reads worse
)
"""Words of everyday prompts for which the world has nothing: heard in training, they are learnt to be ignored."""

ARTICLES: Final = ("a", "an", "the", "and", "of", "with", "in", "on", "at", "it", "to", "my", "is", "one", "its")
# fmt: on


def plural(name: str) -> tuple[str, ...]:
    """What several of that name are called."""
    first, _, last = name.rpartition(" ")
    many = PLURALS.get(last) or (f"{last}s",)
    return tuple(f"{first} {word}".strip() for word in many)


def vocabulary() -> list[str]:
    """Every word the captions mean something by, and the small words around them, sorted."""
    sources = [*ARTICLES, *BACKGROUNDS, *OPENINGS, *PRAISE, *ENDINGS, *PLACES, *VAGUE, *SEVERAL, *BESIDE, *TOGETHER]
    for table in (NAMES, PHRASES, NUMBERS, BETWEEN, LOOK_BEFORE, LOOK_AFTER):
        for entries in table.values():
            sources += entries
    sources += [several for names in NAMES.values() for name in names for several in plural(name)]
    return sorted({word for source in sources for word in re.findall(r"[a-z]+|[0-9]", source)})
