"""What checking an upload takes: time and memory, as ratios to reading the same file with the csv module alone.

    python -m bench.campaign_check

Rows are all different, as those of a file are: of a cross product, moderation is asked once for each prompt. Seconds
depend on the machine and on what else it does, ratios less; nothing is asserted here.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO

from afterimage.domain.campaign import CampaignSettings, Check
from afterimage.domain.check_report import Sheets
from afterimage.domain.model_profiles import model_profiles
from afterimage.domain.moderation import packaged_policy
from afterimage.domain.quotas import UNLIMITED
from afterimage.domain.row_check import Rules
from afterimage.domain.upload_check import check_upload, row_bound

from bench.conditions import conditions

RESULTS = Path(__file__).parent / "results" / "campaign_check.json"
SIZES = (1_000, 10_000, 100_000)
_THINGS = ("a lighthouse at dusk", "a red fox in the snow", "an open book", "a green boat on a lake", "a blue cup")


def upload(rows: int, file: BinaryIO) -> None:
    """Write a CSV as a team would send it, a little under a hundred bytes a row."""
    file.write(b"prompt,negative_prompt,preset,seed,sku\r\n")
    for row in range(rows):
        thing = _THINGS[row % len(_THINGS)]
        file.write(f'"{thing}, number {row}, soft light",blurry,watercolour,{row},SKU-{row:06d}\r\n'.encode())


def plain(file: BinaryIO) -> int:
    """Read the file with the csv module and do nothing with it."""
    file.seek(0)
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        return sum(1 for _ in csv.reader(text))
    finally:
        text.detach()


def checked(file: BinaryIO) -> Check:
    """Check the file as the function does, into files."""
    rules = Rules(profile=model_profiles()["demo"], policy=packaged_policy(), dollars_per_hour=1.0, at_ms=0)
    with ExitStack() as stack:
        sheets = Sheets(**{sheet.name: stack.enter_context(tempfile.TemporaryFile()) for sheet in fields(Sheets)})
        return check_upload(file, CampaignSettings(), rules, row_bound(UNLIMITED), sheets, "bench")


def measured(work: Callable[[BinaryIO], Any], file: BinaryIO) -> tuple[float, int]:
    """Return the seconds of one run, and the peak of Python's memory in another."""
    started = time.perf_counter()
    work(file)
    seconds = time.perf_counter() - started
    tracemalloc.start()
    try:
        work(file)
        return seconds, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def measure(rows: int) -> dict[str, float]:
    """Return what a file of so many rows takes."""
    with tempfile.TemporaryFile() as file:
        upload(rows, file)
        size = file.tell()
        alone_s, alone_bytes = measured(plain, file)
        check_s, check_bytes = measured(checked, file)
    return {
        "rows": rows,
        "upload_bytes": size,
        "check_s": round(check_s, 2),
        "check_us_per_row": round(check_s / rows * 1e6),
        "times_plain_csv": round(check_s / alone_s),
        "peak_bytes": check_bytes,
        "peak_bytes_plain_csv": alone_bytes,
        "times_peak_of_plain_csv": round(check_bytes / alone_bytes, 1),
    }


def main() -> int:
    """Measure every size and print, or keep, the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="write bench/results/campaign_check.json")
    keep = parser.parse_args().keep
    document = {"conditions": conditions(), "sizes": [measure(rows) for rows in SIZES]}
    text = json.dumps(document, indent=2) + "\n"
    sys.stdout.write(text)
    if keep:
        RESULTS.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
