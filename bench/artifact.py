"""How big what is deployed is."""

from __future__ import annotations

import tempfile
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

from bench.conditions import table
from local.digest import files_of


def measure(artifact: Path) -> dict[str, Any]:
    """Return bytes of the zip, as `sam deploy` makes it, and of its parts before and after compression."""
    unpacked: Counter[str] = Counter()
    packed: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "artifact.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
            for file in files_of(artifact):
                target.write(file, file.relative_to(artifact))
        with zipfile.ZipFile(path) as made:
            for entry in made.infolist():
                top = entry.filename.split("/", 1)[0]
                unpacked[top] += entry.file_size
                packed[top] += entry.compress_size
        return {
            "zip_bytes": path.stat().st_size,
            "unpacked_bytes": unpacked.total(),
            "zip_bytes_by_part": dict(packed.most_common(8)),
            "unpacked_bytes_by_part": {name: unpacked[name] for name, _ in packed.most_common(8)},
        }


def show(numbers: dict[str, Any]) -> str:
    """The sizes as a table."""
    rows: list[list[Any]] = [["artifact of the functions", "zip kB", "unpacked kB"]]
    rows.append(["all", numbers["zip_bytes"] // 1000, numbers["unpacked_bytes"] // 1000])
    for name, size in numbers["zip_bytes_by_part"].items():
        rows.append([f"  {name}", size // 1000, numbers["unpacked_bytes_by_part"][name] // 1000])
    return table("Size", rows)
