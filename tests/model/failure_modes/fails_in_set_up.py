"""A server whose set-up raises what no one foresaw."""

import sys

from afterimage_model.serve.__main__ import main
from afterimage_model.serve.metrics import Metrics
from afterimage_model.serve.runner import Work
from afterimage_model.serve.settings import ServeSettings


def set_up(settings: ServeSettings, metrics: Metrics) -> Work:
    """Raise."""
    raise OSError("the disk is gone")


if __name__ == "__main__":
    sys.exit(main(set_up=set_up))
