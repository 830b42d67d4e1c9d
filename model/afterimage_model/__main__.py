"""`python -m afterimage_model serve`: what `docker run image serve` starts."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the door that the first argument names; 2 when it names none."""
    command, *rest = (sys.argv[1:] if arguments is None else arguments) or [""]
    if command == "serve":
        from afterimage_model.serve.__main__ import main as serve

        return serve(rest)
    print("usage: afterimage_model serve [options]    (serve --help lists them)", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
