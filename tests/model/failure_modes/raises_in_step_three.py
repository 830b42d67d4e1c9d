"""A server whose network raises in the third step of its first job, and works from then on."""

import sys
from typing import Any

from afterimage_model.pipeline import LoadedModel
from broken_model import serve_with


def spoil(loaded: LoadedModel) -> None:
    """Count the passes through the network."""
    passes = []

    def count(*call: Any) -> None:
        passes.append(call)
        if len(passes) == 3:
            raise RuntimeError("cuDNN at 0x7f, while at: a secret wish")

    loaded.pipeline.unet.register_forward_hook(count)


if __name__ == "__main__":
    sys.exit(serve_with(spoil))
