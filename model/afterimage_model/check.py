"""`python -m afterimage_model check FOLDER`: is this a model that can be served? One JSON document on stdout.

What the files tell comes first, and only a folder without a fault is loaded, for one small picture.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from afterimage_model.errors import ModelFault, SetUpError
from afterimage_model.inspection import MOST_GIB, Finding, digests, file_names, inspect, served_names

FAMILIES = {"StableDiffusionPipeline": "sd15", "StableDiffusionXLPipeline": "sdxl"}
TRIAL_STEPS = 2


def main(arguments: Sequence[str]) -> int:
    """Check one folder; 0 when it can be served, 1 when not, and the document says why."""
    parser = argparse.ArgumentParser(prog="check", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trial", action=argparse.BooleanOptionalAction, default=True, help="make one small picture")
    parser.add_argument("--picture", type=Path, help="where the trial picture is kept; left out, nowhere")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--most-gib", type=float, default=MOST_GIB)
    parser.add_argument("--digests", action="store_true", help="add the SHA-256 of every file that is served")
    wanted = parser.parse_args(list(arguments))
    findings = inspect(wanted.folder, wanted.most_gib)
    facts: dict[str, Any] = {}
    if not _faults(findings):
        facts = _facts(wanted.folder)
        if wanted.trial:
            trial, finding = _trial(wanted)
            facts |= {"trial": trial}
            findings += finding
    if not _faults(findings) and wanted.digests:
        facts |= {"files": digests(wanted.folder)}
    well = not _faults(findings)
    print(json.dumps({"well": well, "findings": [asdict(finding) for finding in findings], "facts": facts}))
    return 0 if well else 1


def _faults(findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if not finding.warning]


def _facts(folder: Path) -> dict[str, Any]:
    names = served_names(file_names(folder))
    pipeline = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))["_class_name"]
    size = sum((folder / name).stat().st_size for name in names)
    return {"pipeline": pipeline, "family": FAMILIES[pipeline], "size_bytes": size, "file_count": len(names)}


def _trial(wanted: argparse.Namespace) -> tuple[dict[str, Any] | None, list[Finding]]:
    """Load the folder as a server does and make its smallest picture. Any way in which that fails is a finding."""
    began = time.monotonic()
    try:
        from afterimage.contracts.generation import GenerationJob

        from afterimage_model.predictor import Predictor

        predictor = Predictor(str(wanted.folder), device=wanted.device, threads=wanted.threads, warm_up=False)
        predictor.setup()
        side = predictor.smallest_side
        made = predictor.predict(
            GenerationJob(job_id="check", prompt="a tree", seeds=(1,), steps=TRIAL_STEPS, width=side, height=side)
        )
    except (SetUpError, ModelFault) as exc:
        return None, [Finding(code="trial_failed", sentence=f"No picture could be made: {exc}.")]
    except Exception as exc:  # whatever the libraries raise about somebody else's files
        sentence = f"No picture could be made: {type(exc).__name__}: {str(exc).splitlines()[0] if str(exc) else ''}"
        return None, [Finding(code="trial_failed", sentence=sentence)]
    picture = made.pictures[0]
    if wanted.picture is not None:
        picture.image.save(wanted.picture)
    return {
        "width": picture.image.width,
        "height": picture.image.height,
        "steps": made.plan.steps,
        "seconds": round(time.monotonic() - began, 2),
        "device": made.versions["device"],
        "warnings": [warning.code for warning in made.plan.warnings],
        "flagged": picture.flagged,
    }, []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
