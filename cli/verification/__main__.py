"""`python -m cli.verification FILE < ANCHORS`: reads one file within bounds and prints what is in it as JSON.

A process of its own, because the decoders of several libraries meet anybody's bytes here: what takes too much, or
breaks, ends with it.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
from dataclasses import asdict
from pathlib import Path

from cli.verification.layers import MOST_BYTES, Refused, read

MEMORY_BYTES = 3 * 2**30
CPU_S = 60


def main() -> int:
    with contextlib.suppress(ValueError, OSError):  # macOS knows no bound of the address space
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    with Path(sys.argv[1]).open("rb") as file:
        body = file.read(MOST_BYTES + 1)
    try:
        document = asdict(read(body, sys.stdin.read()))
    except Refused as refused:
        document = {"refused": str(refused)}
    json.dump(document, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
