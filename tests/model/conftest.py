"""Fixtures of the model container's tests: tiny real pipelines, loaded once, on one thread."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from afterimage_model.predictor import Predictor


sys.path.append(str(Path(__file__).parent))  # tiny_pipeline.py, whatever way pytest imports test modules


def pytest_configure(config: pytest.Config) -> None:
    """Warnings are errors elsewhere; the libraries' warnings about themselves are not ours to mend."""
    for category in ("DeprecationWarning", "FutureWarning"):
        for library in ("diffusers", "numpy", "transformers", "torch", "huggingface_hub", "starlette"):
            config.addinivalue_line("filterwarnings", f"ignore::{category}:{library}.*")


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Stable Diffusion folder with random weights, 64 pixels."""
    from tiny_pipeline import make_tiny_pipeline

    return make_tiny_pipeline(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny_xl_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Stable Diffusion XL folder with random weights, 64 pixels."""
    from tiny_pipeline import make_tiny_xl_pipeline

    return make_tiny_xl_pipeline(tmp_path_factory.mktemp("tiny_xl"))


@pytest.fixture(scope="session")
def load() -> Callable[[Path], Predictor]:
    """Load a folder on one thread of the CPU, without the warm-up picture."""
    from afterimage_model.predictor import Predictor

    def loaded(folder: Path) -> Predictor:
        predictor = Predictor(str(folder), device="cpu", threads=1, warm_up=False)
        predictor.setup()
        return predictor

    return loaded


@pytest.fixture(scope="session")
def predictor(load: Callable[[Path], Predictor], tiny_folder: Path) -> Predictor:
    """The tiny Stable Diffusion model, loaded."""
    return load(tiny_folder)


@pytest.fixture(scope="session")
def xl_predictor(load: Callable[[Path], Predictor], tiny_xl_folder: Path) -> Predictor:
    """The tiny Stable Diffusion XL model, loaded."""
    return load(tiny_xl_folder)


@pytest.fixture(scope="session")
def until() -> Callable[[Callable[[], bool]], None]:
    """Wait for a condition; fails after 30 seconds, so that no sleep decides an outcome."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline, "the condition did not come true within 30 seconds"
            time.sleep(0.01)

    return wait
