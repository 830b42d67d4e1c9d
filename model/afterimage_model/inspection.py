"""What is wrong with a model folder, as codes and sentences, before any library that could load it is imported."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from afterimage_model.errors import ModelFolderError
from afterimage_model.folder import PICKLED_SUFFIXES, pipeline_class_name, read_notes

INDEX_FILE = "model_index.json"
DIGESTS_FILE = "digests.json"
MOST_GIB = 30.0
_TOP = re.compile(r"(model_index\.json|afterimage\.json|README\.md|LICENSE(\.\w+)?)")
_SUFFIXES = (".json", ".txt", ".safetensors", ".model")
_VARIANT = re.compile(r"^[^.]+\.(?!safetensors)[\w]+?(-\d+-of-\d+)?\.safetensors$")  # name.fp16.safetensors
_MOST_HEADER_BYTES = 100 * 2**20


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing to mend; a warning changes nothing about whether the folder is served."""

    code: str
    sentence: str
    warning: bool = False


def served_names(names: Iterable[str]) -> list[str]:
    """The files of a model (paths below its folder, with slashes) that a server reads, licence and description.

    No pickles, no code, and of two variants of the same weights the one that is loaded.
    """
    kept = [name for name in sorted(names) if _is_served(PurePosixPath(name))]
    plain = {
        str(PurePosixPath(name).parent) for name in kept if name.endswith(".safetensors") and not _is_variant(name)
    }
    return [name for name in kept if not (_is_variant(name) and str(PurePosixPath(name).parent) in plain)]


def _is_served(path: PurePosixPath) -> bool:
    if len(path.parts) == 1:
        return _TOP.fullmatch(path.name) is not None
    return len(path.parts) == 2 and path.suffix in _SUFFIXES and not any(part.startswith(".") for part in path.parts)


def _is_variant(name: str) -> bool:
    return _VARIANT.match(PurePosixPath(name).name) is not None


def file_names(folder: Path) -> list[str]:
    """Every file below `folder`, as served_names takes them."""
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


def inspect(folder: Path, most_gib: float = MOST_GIB) -> list[Finding]:
    """Everything that is wrong with `folder`, as far as its files tell."""
    if not folder.is_dir():
        return [Finding(code="no_folder", sentence=f"There is no folder {folder}.")]
    try:
        index = json.loads((folder / INDEX_FILE).read_text(encoding="utf-8"))
        class_name = pipeline_class_name(index)
    except FileNotFoundError:
        sentence = f"There is no {INDEX_FILE}; a model is a folder in diffusers' format."
        return [Finding(code="not_diffusers", sentence=sentence)]
    except (ValueError, AttributeError):
        return [Finding(code="not_diffusers", sentence=f"{INDEX_FILE} is not a JSON object.")]
    except ModelFolderError as exc:
        return [Finding(code="pipeline_not_served", sentence=f"{exc}.")]
    served = served_names(file_names(folder))
    findings = [*_notes(folder), *_parts(folder, index, class_name), *_weights(folder, served)]
    size = sum((folder / name).stat().st_size for name in served)
    if size > most_gib * 2**30:
        sentence = f"The files that are served have {size / 2**30:.1f} GiB, more than {most_gib:g}."
        findings.append(Finding(code="too_large", sentence=sentence))
    return [*findings, *_left_out(folder, served), *_digests(folder)]


def _notes(folder: Path) -> Iterator[Finding]:
    try:
        read_notes(str(folder))
    except ModelFolderError as exc:
        yield Finding(code="notes_wrong", sentence=f"{exc}.")


def _parts(folder: Path, index: dict[str, Any], class_name: str) -> Iterator[Finding]:
    for part, kind in index.items():
        if part.startswith("_") or not isinstance(kind, list) or not all(kind):
            continue
        here = folder / part
        if not here.is_dir():
            yield Finding(code="part_missing", sentence=f"{INDEX_FILE} names {part}/, and it is not there.")
            continue
        has_weights = any(here.glob("*.safetensors"))
        pickled = sorted(path.name for path in here.iterdir() if path.suffix in PICKLED_SUFFIXES)
        if pickled and not has_weights:
            sentence = (
                f"{part}/{pickled[0]} is a pickle, which can run code when it is read; only safetensors are loaded. "
                "Convert the folder with save_pretrained(..., safe_serialization=True)."
            )
            yield Finding(code="pickled_weights", sentence=sentence)
        elif not has_weights and part in ("unet", "vae", "text_encoder", "text_encoder_2", "safety_checker"):
            yield Finding(code="weights_missing", sentence=f"{part}/ holds no safetensors file.")
    for part in ("unet", "vae", "text_encoder"):
        if part not in index:
            yield Finding(code="part_missing", sentence=f"{INDEX_FILE} names no {part}, which {class_name} needs.")


def _weights(folder: Path, served: list[str]) -> Iterator[Finding]:
    for name in served:
        if name.endswith(".safetensors") and (reason := _broken(folder / name)):
            yield Finding(code="weights_broken", sentence=f"{name} {reason}.")
        if name.endswith(".safetensors.index.json"):
            yield from _shards(folder, name)
        if not (folder / name).resolve().is_relative_to(folder.resolve()):
            yield Finding(code="link_outside", sentence=f"{name} leads out of the folder; copy the file into it.")


def _shards(folder: Path, name: str) -> Iterator[Finding]:
    here = (folder / name).parent
    try:
        shards = set(json.loads((folder / name).read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, TypeError, AttributeError):
        yield Finding(code="weights_broken", sentence=f"{name} is no index of safetensors files.")
        return
    for shard in sorted(str(shard) for shard in shards):
        if not (here / shard).is_file():
            yield Finding(code="shard_missing", sentence=f"{name} names {shard}, and it is not there.")


def _broken(path: Path) -> str:
    """Why this is no whole safetensors file, from header and length alone; empty when it is one."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(size - 8, _MOST_HEADER_BYTES):
            return "is no safetensors file"
        try:
            header = json.loads(file.read(length))
            ends = [int(entry["data_offsets"][1]) for name, entry in header.items() if name != "__metadata__"]
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            return "is no safetensors file"
    wanted = 8 + length + max(ends, default=0)
    return "" if wanted == size else f"has {size} bytes and should have {wanted}: a download was cut or disturbed"


def _left_out(folder: Path, served: list[str]) -> Iterator[Finding]:
    known = {*served, DIGESTS_FILE}
    others = [name for name in sorted(file_names(folder)) if name not in known and not name.startswith(".")]
    if others:
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        sentence = f"Not read by the server and not published: {', '.join(others[:3])}{more}."
        yield Finding(code="files_left_out", sentence=sentence, warning=True)


def _digests(folder: Path) -> Iterator[Finding]:
    """A folder that was published before carries digests; they must still be true."""
    path = folder / DIGESTS_FILE
    if not path.is_file():
        return
    try:
        wanted = {str(name): str(entry["sha256"]) for name, entry in json.loads(path.read_text())["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        yield Finding(code="digest_mismatch", sentence=f"{DIGESTS_FILE} cannot be read.")
        return
    for name, digest in wanted.items():
        if not (folder / name).is_file() or sha256(folder / name) != digest:
            yield Finding(code="digest_mismatch", sentence=f"{name} is not the file that {DIGESTS_FILE} tells of.")


def digests(folder: Path) -> dict[str, dict[str, Any]]:
    """SHA-256 and size of every file that is served."""
    return {
        name: {"sha256": sha256(folder / name), "size": (folder / name).stat().st_size}
        for name in served_names(file_names(folder))
    }


def sha256(path: Path) -> str:
    """The digest of a file that may not fit into memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
