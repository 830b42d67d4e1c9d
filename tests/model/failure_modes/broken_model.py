"""The server's own set-up with something done to the model it loads; what the failure modes beside it share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from afterimage_model import predictor
from afterimage_model.pipeline import LoadedModel
from afterimage_model.serve.__main__ import main


def serve_with(spoil: Callable[[LoadedModel], None]) -> int:
    """Serve as always, after `spoil` had the loaded model in its hands."""
    load = predictor.load_model

    def load_and_spoil(*arguments: Any, **options: Any) -> LoadedModel:
        loaded = load(*arguments, **options)
        spoil(loaded)
        return loaded

    predictor.load_model = load_and_spoil
    return main(sys.argv[1:])
