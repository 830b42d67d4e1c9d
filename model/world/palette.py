"""The colours of the drawn world, as 8-bit sRGB."""

from typing import Final

RGB = tuple[int, int, int]

COLOURS: Final[dict[str, RGB]] = {
    "red": (222, 44, 48),
    "orange": (248, 138, 28),
    "yellow": (252, 214, 44),
    "green": (46, 160, 76),
    "blue": (38, 92, 214),
    "purple": (134, 58, 176),
    "pink": (248, 146, 190),
    "brown": (134, 84, 48),
    "grey": (142, 146, 154),
    "black": (26, 26, 30),
    "white": (250, 250, 248),
}
"""What an object and a plain background may be painted in."""

GROUNDS: Final[dict[str, RGB]] = {
    "grass": (112, 186, 82),
    "sea": (44, 118, 190),
    "snow": (242, 246, 252),
    "sand": (236, 204, 138),
}

INK: Final[RGB] = (34, 32, 40)
PAPER: Final[RGB] = (250, 249, 245)
CROWN: Final[RGB] = (28, 112, 58)
LEAF: Final[RGB] = (62, 148, 64)
WOOD: Final[RGB] = (112, 70, 40)
SAIL: Final[RGB] = (248, 234, 200)
ROOF: Final[RGB] = (98, 58, 62)
DOOR: Final[RGB] = (74, 46, 44)
GLASS: Final[RGB] = (176, 218, 240)
GLOW: Final[RGB] = (255, 222, 110)
HEADLIGHT: Final[RGB] = (255, 240, 160)
TYRE: Final[RGB] = (44, 44, 54)
STEEL: Final[RGB] = (198, 204, 214)
CREAM: Final[RGB] = (246, 226, 190)
ROSE: Final[RGB] = (238, 130, 150)
FLAME: Final[tuple[RGB, RGB]] = ((250, 120, 30), (255, 214, 70))
SHINING: Final = frozenset({HEADLIGHT, *FLAME})
ROCK: Final[RGB] = (122, 122, 150)
PEAK: Final[RGB] = (230, 238, 252)

SUN: Final[dict[str, RGB]] = {"day": (255, 226, 74), "sunset": (255, 236, 150)}
MOON: Final[RGB] = (250, 246, 214)
STAR: Final[RGB] = (255, 255, 240)
CLOUD: Final[dict[str, RGB]] = {"day": (255, 255, 255), "sunset": (255, 190, 170), "night": (84, 92, 132)}

SKY: Final[dict[str, tuple[RGB, RGB, RGB]]] = {
    "day": ((88, 168, 240), (140, 200, 248), (206, 234, 252)),
    "sunset": ((96, 56, 130), (232, 98, 92), (255, 190, 96)),
    "night": ((12, 16, 48), (22, 30, 78), (44, 58, 118)),
}
"""Top, middle and horizon of the sky at each time."""

LIGHT: Final[dict[str, tuple[float, float, float]]] = {
    "day": (1.0, 1.0, 1.0),
    "sunset": (0.92, 0.70, 0.66),
    "night": (0.55, 0.58, 0.74),
}
"""What the light of each time leaves of a colour, per channel."""


def lit(colour: RGB, time: str) -> RGB:
    """The colour as it looks at that time of day: lamps and flames keep it, and windows glow when it is dark."""
    if colour in SHINING:
        return colour
    if colour == GLASS and time != "day":
        return GLOW
    red, green, blue = (round(value * share) for value, share in zip(colour, LIGHT[time], strict=True))
    return red, green, blue


def blend(a: RGB, b: RGB, share: float) -> RGB:
    """The colour that lies `share` of the way from a to b."""
    red, green, blue = (round(p + (q - p) * share) for p, q in zip(a, b, strict=True))
    return red, green, blue


def darker(colour: RGB, share: float = 0.16) -> RGB:
    """The colour in its own shadow."""
    return blend(colour, (0, 0, 20), share)


def lighter(colour: RGB, share: float = 0.35) -> RGB:
    """The colour where light falls on it."""
    return blend(colour, (255, 255, 255), share)


def is_dark(colour: RGB) -> bool:
    """Whether details on the colour must be light to be seen."""
    return 0.3 * colour[0] + 0.6 * colour[1] + 0.1 * colour[2] < 70
