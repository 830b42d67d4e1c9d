"""Curves: one CSV per stage, and the same line on standard output."""

import csv
from pathlib import Path
from time import strftime


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
