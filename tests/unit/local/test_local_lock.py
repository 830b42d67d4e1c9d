"""The lists with hashes say what the lists that people edit say, and no package comes without a hash."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from local.lock import LISTS
from local.setup import AFTERWARDS, EVERYDAY, FILES, ROOT, digest

PIN = re.compile(r"^([A-Za-z0-9._-]+)==([0-9][0-9A-Za-z.+]*)( ; .*)?$")


def pins(source: Path) -> dict[str, str]:
    """The packages of a list that people edit, and of those that it includes."""
    found: dict[str, str] = {}
    for line in source.read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            found |= pins((source.parent / line.removeprefix("-r ")).resolve())
        elif line and not line.startswith("#"):
            match = PIN.match(line)
            assert match, f"{source.name}: {line} is not pinned"
            found[normalised(match[1])] = match[2]
    return found


def locked(path: Path) -> dict[str, tuple[str, int]]:
    """Package → version and number of hashes in a list that pip installs."""
    found: dict[str, tuple[str, int]] = {}
    for block in re.split(r"\n(?=[A-Za-z0-9])", path.read_text(encoding="utf-8")):
        match = re.match(r"([A-Za-z0-9._-]+)==([^ \\\n]+)", block)
        if match:
            hashes = len(re.findall(r"--hash=sha256:[0-9a-f]{64}", block))
            found[normalised(match[1])] = (match[2], hashes)
    return found


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("name", LISTS)
def test_a_list_with_hashes_holds_what_its_source_pins(name: str) -> None:
    path = ROOT / f"{name}.txt"
    assert {package: version for package, (version, _) in locked(path).items()} == pins(ROOT / f"{name}.in")
    assert all(hashes for _, hashes in locked(path).values())
    assert "--require-hashes\n" in path.read_text(encoding="utf-8"), "pip takes a line without a hash otherwise"


def test_every_environment_is_made_from_a_list_with_hashes() -> None:
    assert set(EVERYDAY) < set(FILES)
    assert {str(path.relative_to(ROOT)) for path in FILES.values()} <= {f"{name}.txt" for name in LISTS}


def test_only_torch_comes_without_a_hash() -> None:
    lines = [line for path in AFTERWARDS.values() for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line.partition("==")[0] for line in lines if not line.startswith("#")] == ["torch"]


def test_another_list_is_another_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest("model", (3, 11))
    other = tmp_path / "requirements-torch.txt"
    other.write_text("torch==0\n")
    monkeypatch.setitem(AFTERWARDS, "model", other)
    assert digest("model", (3, 11)) != before
    assert digest("dev", (3, 11)) != digest("dev", (3, 12))
