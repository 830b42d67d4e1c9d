"""`python -m afterimage_model serve`: what `docker run image serve` starts. `check` and `fetch` are for people."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the door that the first argument names; 2 when it names none."""
    command, *rest = (sys.argv[1:] if arguments is None else arguments) or [""]
    if command == "serve":
        from afterimage_model.serve.__main__ import main as serve

        return serve(rest)
    if command == "check":
        from afterimage_model.check import main as check

        return check(rest)
    if command == "fetch":
        from afterimage_model.hub import main as fetch

        return fetch(rest)
    print("usage: afterimage_model serve|check|fetch [options]    (each with --help lists them)", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
