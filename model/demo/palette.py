"""The colours of the demo world, as 8-bit sRGB."""

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
    "black": (26, 26, 30),
    "white": (250, 250, 248),
}
"""What a shape and its background may be painted in."""

WALLS: Final[tuple[str, ...]] = ("red", "blue", "yellow", "white")
"""What a house may be painted in."""

GROUNDS: Final[dict[str, RGB]] = {
    "grass": (112, 186, 82),
    "sea": (44, 118, 190),
    "snow": (242, 246, 252),
    "sand": (236, 204, 138),
}

CROWN: Final[RGB] = (28, 112, 58)
TRUNK: Final[RGB] = (112, 70, 40)
HULL: Final[RGB] = (168, 60, 44)
SAIL: Final[RGB] = (252, 248, 236)
ROOF: Final[RGB] = (92, 58, 60)
DOOR: Final[RGB] = (74, 46, 44)
ROCK: Final[RGB] = (122, 122, 150)
PEAK: Final[RGB] = (246, 248, 252)

SUN: Final[dict[str, RGB]] = {"day": (255, 226, 74), "sunset": (255, 236, 150)}
MOON: Final[RGB] = (250, 246, 214)
STAR: Final[RGB] = (255, 255, 240)
CLOUD: Final[dict[str, RGB]] = {"day": (255, 255, 255), "sunset": (255, 190, 170), "night": (84, 92, 132)}
WINDOW: Final[dict[str, RGB]] = {"day": (176, 218, 240), "sunset": (255, 226, 130), "night": (255, 222, 110)}

SKY: Final[dict[str, tuple[RGB, RGB, RGB]]] = {
    "day": ((88, 168, 240), (140, 200, 248), (206, 234, 252)),
    "sunset": ((96, 56, 130), (232, 98, 92), (255, 190, 96)),
    "night": ((12, 16, 48), (22, 30, 78), (44, 58, 118)),
}
"""Top, middle and horizon of the sky at each time."""

LIGHT: Final[dict[str, tuple[float, float, float]]] = {
    "day": (1.0, 1.0, 1.0),
    "sunset": (0.92, 0.66, 0.62),
    "night": (0.42, 0.47, 0.64),
}
"""What the light of each time leaves of a colour, per channel."""


def lit(colour: RGB, time: str) -> RGB:
    """The colour as it looks at that time of day."""
    red, green, blue = (round(value * share) for value, share in zip(colour, LIGHT[time], strict=True))
    return red, green, blue
