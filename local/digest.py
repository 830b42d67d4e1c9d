"""Digests that tell whether something has to be built, deployed or started again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

_IGNORED = {"__pycache__", ".DS_Store"}


def digest_of(paths: Iterable[Path], *texts: str, relative_to: Path | None = None) -> str:
    """A digest over names and contents of files and folders, and over `texts`. Names count from `relative_to`, by
    default from the folder that holds each path."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(f"{len(text)}:{text}".encode())
    for path in paths:
        for file in sorted(files_of(path)):
            content = file.read_bytes()
            digest.update(f"{file.relative_to(relative_to or path.parent)}:{len(content)}:".encode())
            digest.update(content)
    return digest.hexdigest()


def files_of(path: Path) -> Iterable[Path]:
    """Every file that counts in a folder, or the file itself; what Python compiled does not."""
    if path.is_file():
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if name not in _IGNORED]
        for name in names:
            if name not in _IGNORED and not name.endswith(".pyc"):
                yield Path(folder) / name


def stamps_of(path: Path) -> str:
    """Names, sizes and times of the files in a folder: for weights, which are too large to read at every start."""
    stats = ((file.relative_to(path), file.stat()) for file in sorted(files_of(path)))
    return "\n".join(f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats)
