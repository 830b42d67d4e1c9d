"""Curves as one CSV per stage, with the same line on standard output, and grids of pictures."""

import csv
from pathlib import Path
from time import strftime

from PIL import Image


class Log:
    """Appends rows to a CSV file; the first row decides the columns."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def row(self, **values: float) -> None:
        """Writes and prints one row."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.writer(file)
            if fresh:
                writer.writerow(values)
            writer.writerow([f"{value:.6g}" for value in values.values()])
        print(
            strftime("%H:%M:%S"), self.path.stem, *(f"{name} {value:.4g}" for name, value in values.items()), flush=True
        )


def grid(pictures: list[Image.Image], columns: int) -> Image.Image:
    """The pictures, all of one size, in rows."""
    side, rows = pictures[0].width + 2, -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * side, rows * side), (128, 128, 128))
    for number, picture in enumerate(pictures):
        sheet.paste(picture, (number % columns * side + 1, number // columns * side + 1))
    return sheet
