"""A server whose network has a weight that is no number."""

import sys

from afterimage_model.pipeline import LoadedModel
from broken_model import serve_with


def spoil(loaded: LoadedModel) -> None:
    """One is enough: every output depends on it."""
    loaded.pipeline.unet.conv_out.weight.data.fill_(float("nan"))


if __name__ == "__main__":
    sys.exit(serve_with(spoil))
