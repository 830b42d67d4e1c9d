"""Checkpoints: written whole or not at all, and complete enough that a resumed run equals an uninterrupted one."""

from pathlib import Path
from typing import Any

import torch


def save(path: Path, state: dict[str, Any]) -> None:
    """Writes beside `path` and renames, so that a kill leaves the last checkpoint intact."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    torch.save(state, draft)
    draft.replace(path)


def load(path: Path, device: torch.device) -> dict[str, Any] | None:
    """The last checkpoint, or None where training has not begun."""
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    return state
