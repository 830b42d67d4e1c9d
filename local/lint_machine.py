"""Hold one state machine against the Amazon States Language: `python -m local.lint_machine FILE`."""

from __future__ import annotations

import sys

from statelint.config import Config
from statelint.linter import Linter

# Fields of a Distributed Map that the linter does not know; the Step Functions guide has them under "Map state".
UNKNOWN_TO_THE_LINTER = (
    'Field "Label" not allowed in State Machine.States.RunRows',
    'Field "InputType" not allowed in State Machine.States.RunRows.ItemReader.ReaderConfig',
    'Field "CSVHeaderLocation" not allowed in State Machine.States.RunRows.ItemReader.ReaderConfig',
)


def problems(path: str) -> list[str]:
    """Return what the linter says against the machine, without what it says for want of knowledge."""
    found = Linter.validate(path, Config(evaluate_jsonata=True))
    return [problem for problem in found if problem not in UNKNOWN_TO_THE_LINTER]


def main(path: str) -> int:
    found = problems(path)
    for problem in found:
        print(problem)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
