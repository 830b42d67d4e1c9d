"""`make check`: every static check, two at a time, with the output of those that fail.

Run as `python -m local.check [NAME ...]`. The exit status is 1 when any check fails.
"""

from __future__ import annotations

import concurrent.futures
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from local.environment import clean_environment
from local.settings import Settings

# Each writes a file that is kept in the repository; with --check it fails when the file is not what it would write.
GENERATORS = (("-m", "afterimage.describe_api", "--check"),)


@dataclass(frozen=True, kw_only=True)
class Check:
    """One command. It passes with exit status 0."""

    name: str
    argv: list[str]
    environment: dict[str, str] = field(default_factory=dict)


def checks(settings: Settings) -> list[Check]:
    """All checks, the slow ones first."""
    root = settings.root
    dev = settings.environments / "dev" / "bin"
    template = str(root / "template.yaml")
    machines = sorted(str(path) for path in (root / "statemachine").glob("*.asl.json"))
    sources = {"PYTHONPATH": os.pathsep.join((str(root / "functions"), str(root / "model"), str(root)))}
    return [
        Check(name="types", argv=[str(dev / "mypy")], environment=sources),
        Check(
            name="sam validate --lint",
            argv=[
                str(settings.environments / "sam" / "bin" / "sam"),
                "validate",
                "--lint",
                "--template-file",
                template,
            ],
        ),
        Check(name="cfn-lint", argv=[str(dev / "cfn-lint"), template]),
        Check(name="lint", argv=[str(dev / "ruff"), "check", "."]),
        Check(name="format", argv=[str(dev / "ruff"), "format", "--check", "."]),
        Check(name="imports run one way", argv=[str(dev / "lint-imports")], environment=sources),
        *(
            Check(name=f"statelint {Path(machine).name}", argv=[str(dev / "statelint"), machine])
            for machine in machines
        ),
        *(
            Check(name=f"generated: {' '.join(command)}", argv=[str(dev / "python"), *command], environment=sources)
            for command in GENERATORS
        ),
    ]


def run(check: Check, settings: Settings) -> tuple[bool, float, str]:
    """Run one check; return whether it passed, its seconds and its output."""
    began = time.monotonic()
    done = subprocess.run(
        check.argv,
        env=clean_environment(settings) | check.environment,
        cwd=settings.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode == 0, time.monotonic() - began, done.stdout


def main(names: list[str]) -> int:
    settings = Settings.from_environment()
    wanted = [check for check in checks(settings) if not names or check.name in names]
    if len(wanted) < len(names):
        print(f"There are: {', '.join(check.name for check in checks(settings))}.", file=sys.stderr)
        return 2
    failed = []
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        futures = {pool.submit(run, check, settings): check for check in wanted}
        for future in concurrent.futures.as_completed(futures):
            name = futures[future].name
            passed, seconds, output = future.result()
            print(f"{'ok    ' if passed else 'FAILED'} {name} ({seconds:.1f} s)", flush=True)
            if not passed:
                failed.append(name)
                print("\n".join(f"       {line}" for line in output.splitlines()), flush=True)
    print(f"{len(wanted) - len(failed)} of {len(wanted)} checks passed.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
