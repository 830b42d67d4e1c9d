"""A server that is killed in its second step, as the kernel does when memory runs out."""

import os
import signal
import sys
from typing import Any

from afterimage_model.pipeline import LoadedModel
from broken_model import serve_with


def spoil(loaded: LoadedModel) -> None:
    """Count the passes through the network."""
    passes = []

    def count(*call: Any) -> None:
        passes.append(call)
        if len(passes) == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    loaded.pipeline.unet.register_forward_hook(count)


if __name__ == "__main__":
    sys.exit(serve_with(spoil))
