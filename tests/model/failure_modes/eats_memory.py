"""A server whose network asks for more memory than any machine has, in every step."""

import sys
from typing import Any

import torch
from afterimage_model.pipeline import LoadedModel
from broken_model import serve_with


def spoil(loaded: LoadedModel) -> None:
    """Ask the real allocator, so that its real refusal is what the server sees."""

    def ask(*call: Any) -> None:
        torch.empty(10**15)

    loaded.pipeline.unet.register_forward_hook(ask)


if __name__ == "__main__":
    sys.exit(serve_with(spoil))
