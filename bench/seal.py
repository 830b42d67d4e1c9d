"""What sealing takes: a process that loads the library, a signature, a picture with both copies, and the bytes it adds.

It runs from the built artifact in an interpreter of its own, as a Lambda does, with a key made for the run.
"""

from __future__ import annotations

import datetime
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from bench import artifact
from bench.cold_import import runtime_in
from bench.conditions import table
from local.signing_key import new_signing_key

SIDES = (64, 512, 1024)
ROUNDS = 30
STARTS = 5
_PROGRAM = """
import sys, time, json, pathlib, resource
sys.path[:0] = {paths!r}
folder = pathlib.Path({folder!r})
import boto3, hashlib
from afterimage_imaging import png, seal_pictures, signing, xmp
def memory(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
before = memory()
began = time.perf_counter()
signer = signing.C2paSigner((folder / "key.json").read_text(), int(time.time()))
told = {{"load_s": time.perf_counter() - began, "memory_mb_before": before}}
facts = {{"prompt": "a lighthouse at dusk, waves against the rocks"}}
facts |= {{"Software": "Afterimage", "seed": "7", "model": "bench 1"}}
shared = {{name: facts[name] for name in seal_pictures.SHARED if name in facts}}
for side in {sides!r}:
    body = (folder / f"{{side}}.png").read_bytes()
    sign, both = [], []
    for _ in range({rounds}):
        began = time.perf_counter()
        copies = []
        for text in (facts, shared):
            plain = png.rewritten(body, text, xmp.packet(text))
            now = time.perf_counter()
            copies.append(signer.sign(plain, png.CONTENT_TYPE))
            sign.append(time.perf_counter() - now)
            hashlib.sha256(copies[-1]).hexdigest()
        both.append(time.perf_counter() - began)
    own, share = map(len, copies)
    sizes = {{"picture": len(body), "own": own, "share": share, "manifest": share - len(plain)}}
    told[str(side)] = {{**sizes, "sign": sign, "both": both}}
told["memory_mb"] = memory()
print(json.dumps(told))
"""


def measure(built: Path) -> dict[str, Any]:
    """Return sizes, and medians of time."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "runtime").mkdir()
        runtime_in(folder / "runtime")
        (folder / "key.json").write_text(new_signing_key(datetime.datetime.now(datetime.UTC))[0])
        for side in SIDES:
            Image.effect_noise((side, side), 64).convert("RGB").save(folder / f"{side}.png")
        runs = [_run(built, folder) for _ in range(STARTS)]
    last = runs[-1]
    return {
        "artifact": artifact.measure(built),
        "starts": STARTS,
        "rounds": ROUNDS,
        "load_ms": round(1000 * statistics.median(run["load_s"] for run in runs), 1),
        "memory_mb": {"before the library": last["memory_mb_before"], "after signing": last["memory_mb"]},
        "pictures": {str(side): _picture(last[str(side)]) for side in SIDES},
    }


def _picture(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "picture_bytes": found["picture"],
        "own_adds_bytes": found["own"] - found["picture"],
        "share_adds_bytes": found["share"] - found["picture"],
        "manifest_bytes": found["manifest"],
        "sign_ms": round(1000 * statistics.median(found["sign"]), 2),
        "both_copies_ms": round(1000 * statistics.median(found["both"]), 2),
    }


def _run(built: Path, folder: Path) -> dict[str, Any]:
    paths = [str(built), str(folder / "runtime")]
    program = _PROGRAM.format(paths=paths, folder=str(folder), sides=SIDES, rounds=ROUNDS)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], env={}, capture_output=True, text=True, check=True
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def show(numbers: dict[str, Any]) -> str:
    """The figures as tables."""
    sizes = numbers["artifact"]
    start: list[list[Any]] = [
        ["a process of SealPictures", ""],
        ["zip, MB", sizes["zip_bytes"] / 1e6],
        ["unpacked, MB", sizes["unpacked_bytes"] / 1e6],
        ["library and key loaded, ms", numbers["load_ms"]],
        *([f"memory {when}, MB", megabytes] for when, megabytes in numbers["memory_mb"].items()),
    ]
    rows: list[list[Any]] = [["picture of noise", *(f"{side} × {side}" for side in numbers["pictures"])]]
    for title, name in (
        ("bytes as the container wrote it", "picture_bytes"),
        ("the owner's copy adds", "own_adds_bytes"),
        ("the share copy adds", "share_adds_bytes"),
        ("of it manifest", "manifest_bytes"),
        ("one signature, ms", "sign_ms"),
        ("both copies written, signed and digested, ms", "both_copies_ms"),
    ):
        rows.append([title, *(one[name] for one in numbers["pictures"].values())])
    return table("Sealing: the start", start) + "\n" + table("Sealing: a picture", rows)
