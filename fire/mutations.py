"""`python -m fire.mutations`: bugs planted one at a time into a copy of the code; the generated walks must notice each.

Every bug is tried at several seeds with as many walks as `make test` takes, because a random walk may miss in one run
what it finds in the next. Prints a table and keeps it in `fire/results/mutations.json`; ends with 1 when a bug was
noticed at no seed. It changes nothing here: the copy lies in a folder of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.conditions import conditions, table
from local.settings import ROOT

RESULTS = Path(__file__).resolve().parent / "results"
TEST = "tests/unit/test_completion_machine.py"
COPIED = ("functions", "statemachine", "tests", "pyproject.toml")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "integration", "model")
# As in `make test`, but that a found bug is not made small: whether it is found is all that is asked.
WITHOUT_SHRINKING = """
from hypothesis import Phase, settings
settings.register_profile("hunt", phases=[Phase.generate], database=None, print_blob=False)
settings.load_profile("hunt")
"""
USECASES = "functions/afterimage/usecases"
RESUME = f"{USECASES}/resume_on_completion.py"
NOTIFY = f"{USECASES}/notify_requester.py"
SWEEP = f"{USECASES}/sweep_open_jobs.py"
REVIEW = f"{USECASES}/review_images.py"
COMPLETION = "functions/afterimage/contracts/completion.py"


@dataclass(frozen=True, kw_only=True)
class Bug:
    """`right` stands in the file once, and is replaced by `wrong`."""

    name: str
    file: str
    right: str
    wrong: str


BUGS = (
    Bug(
        name="a contradiction is passed on",
        file=RESUME,
        right="if settled.outcome != outcome:",
        wrong="if False:",
    ),
    Bug(
        name="an unknown inference is swallowed",
        file=RESUME,
        right="        raise UnknownInferenceError()\n    outcome",
        wrong='        return "late"\n    outcome',
    ),
    Bug(
        name="a recorded end is not repeated by the sweep",
        file=SWEEP,
        right="        return made if newest.outcome == SUCCEEDED else lost",
        wrong="        return None",
    ),
    Bug(
        name="an ended job is forgotten whose execution waits",
        file=SWEEP,
        right="if status == RUNNING else None",
        wrong="if status is None else None",
    ),
    Bug(
        name="a fresh claim of another run is sent all the same",
        file=NOTIFY,
        right="            raise NoticeInFlightError()\n        post",
        wrong="            return True\n        post",
    ),
    Bug(
        name="a fresh claim of another run is given up",
        file=NOTIFY,
        right="            raise NoticeInFlightError()\n        post",
        wrong="            pass\n        post",
    ),
    Bug(
        name="a lost claim is sent all the same",
        file=NOTIFY,
        right="        raise NoticeInFlightError()  # somebody",
        wrong="        return first == NOTICE_SENDING  # somebody",
    ),
    Bug(
        name="a message without a known status is taken",
        file=COMPLETION,
        right='if status not in ("Completed", "Failed"):',
        wrong="if False:",
    ),
    Bug(
        name="a message without an id is taken",
        file=COMPLETION,
        right='raise ContractError("$.inferenceId is missing")',
        wrong='inference_id = str(inference_id or "")',
    ),
    Bug(
        name="a message that cannot be read is taken",
        file="functions/afterimage/handlers/resume_on_completion.py",
        right='raise UnknownInferenceError(code="completion_unreadable") from None',
        wrong='return "test"',
    ),
    Bug(
        name="a result of another job is accepted",
        file=REVIEW,
        right="if result.job_id != job.job_id or seeds != job.spec.seeds:",
        wrong="if seeds != job.spec.seeds:",
    ),
    Bug(
        name="pictures of another job are accepted",
        file=REVIEW,
        right='if not all(key and key.startswith(prefix) and ".." not in key for key in keys):',
        wrong="if not all(keys):",
    ),
)


@contextmanager
def a_copy(bug: Bug | None) -> Iterator[Path]:
    """The code in a folder of its own, with the bug in it. Raises ValueError when the place for it has changed."""
    with tempfile.TemporaryDirectory(prefix="afterimage-bug-") as name:
        folder = Path(name)
        for path in COPIED:
            source, target = ROOT / path, folder / path
            shutil.copytree(source, target, ignore=LEFT_OUT) if source.is_dir() else shutil.copy(source, target)
        conftest = folder / "tests" / "unit" / "conftest.py"
        conftest.write_text((conftest.read_text() if conftest.exists() else "") + WITHOUT_SHRINKING)
        if bug:
            file = folder / bug.file
            text = file.read_text(encoding="utf-8")
            if text.count(bug.right) != 1:
                raise ValueError(f"{bug.name}: what it replaces stands {text.count(bug.right)} times in {bug.file}")
            file.write_text(text.replace(bug.right, bug.wrong), encoding="utf-8")
        yield folder


def noticed(bug: Bug | None, seed: int, walks: int) -> bool:
    """Whether the walks fail with that bug in the code. Raises RuntimeError when they could not be run."""
    with a_copy(bug) as folder:
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", TEST, "-q", "--no-header", "--tb=no", f"--hypothesis-seed={seed}"],
            cwd=folder,
            env={**os.environ, "AFTERIMAGE_EXAMPLES": str(walks)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if ran.returncode not in (0, 1):
        raise RuntimeError(ran.stdout + ran.stderr)
    return ran.returncode == 1


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m fire.mutations", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5, help="the seeds 0, 1 … (%(default)s)")
    parser.add_argument("--walks", type=int, default=150, help="walks for each bug and seed (%(default)s)")
    asked = parser.parse_args()
    before, began, seeds = conditions(), time.monotonic(), range(asked.seeds)
    if any(noticed(None, seed, asked.walks) for seed in seeds):
        print("error: the walks fail without any bug planted", file=sys.stderr)
        return 1
    found: dict[str, list[bool]] = {}
    with ThreadPoolExecutor(2) as pool:
        for bug in BUGS:
            found[bug.name] = list(pool.map(lambda seed, bug=bug: noticed(bug, seed, asked.walks), seeds))
            print(f"{bug.name}: {''.join('x' if one else '-' for one in found[bug.name])}", flush=True)
    rows = [[name, sum(seen), len(seen)] for name, seen in found.items()]
    rows.append(["at each seed, of all bugs", min(map(sum, zip(*found.values(), strict=True))), len(BUGS)])
    print(
        table(f"Bugs noticed, {asked.walks} walks each, {time.monotonic() - began:.0f} s", [["bug", "at", "of"], *rows])
    )
    RESULTS.mkdir(exist_ok=True)
    document = {"conditions": before, "walks": asked.walks, "noticed": found}
    (RESULTS / "mutations.json").write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")
    return 0 if all(map(any, found.values())) else 1


if __name__ == "__main__":
    sys.exit(main())
