"""The pictures of a run as zip files: whole, named safely, in parts, and going on where a run was cut off."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from afterimage.contracts.campaign_results import ZipState
from afterimage.domain.errors import StoreUnavailableError
from afterimage.handlers import zip_campaign_pictures as handler
from afterimage.usecases import zip_campaign_pictures as use_case
from afterimage.usecases.zip_campaign_pictures import Packer, zip_campaign_pictures
from fakes.campaigns import CAMPAIGN_ID, RUN_ID
from fakes.faults import Crash
from fakes.outside import NOW_MS
from fakes.results_world import FOLDER, ResultsWorld

PICTURES = {number: bytes([number]) * 50 + b"PK\x03\x04" for number in range(4)}


def a_world(rows: int = 3, made: int = 1, prompt: str = "Autumn leaf") -> ResultsWorld:
    world = ResultsWorld()
    for _ in range(rows):
        world.add(made=made, prompt=prompt)
    world.add(None)
    world.settle()
    world.write()
    for number, body in PICTURES.items():
        world.files.objects[f"images/{'9' * 32}/{number}.png"] = body
    return world


def pack(world: ResultsWorld, seconds_left: float = 900) -> ZipState:
    packer = Packer(files=world.files, clock=lambda: NOW_MS, seconds_left=lambda: seconds_left)
    return zip_campaign_pictures(CAMPAIGN_ID, RUN_ID, packer)


def opened(world: ResultsWorld, part: int = 1) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(world.files.objects[f"{FOLDER}pictures-{part:02}.zip"]))


def test_every_picture_is_in_it_under_its_row_and_its_words() -> None:
    world = a_world(made=2)
    state = pack(world)
    assert (state.status, state.missing, [part.pictures for part in state.parts]) == ("ready", 0, [6])
    with opened(world) as packed:
        assert packed.testzip() is None
        assert packed.namelist() == [
            *(f"{row:04}-autumn-leaf-{number}.png" for row in (1, 2, 3) for number in (1, 2)),
            "manifest.csv",
        ]
        assert packed.read("0002-autumn-leaf-2.png") == PICTURES[1]
        cells = list(csv.DictReader(io.StringIO(packed.read("manifest.csv").decode("utf-8-sig"), newline="")))
        assert [cell["files"].split()[0] for cell in cells] == [f"000{row}-autumn-leaf-1.png" for row in (1, 2, 3)]
        assert {entry.compress_type for entry in packed.infolist()} == {zipfile.ZIP_STORED}
        assert not [entry for entry in packed.infolist() if entry.flag_bits & 0x08], "sizes stand before the data"


def test_a_program_of_somebody_else_finds_no_fault(tmp_path: Path) -> None:
    world = a_world()
    pack(world)
    (tmp_path / "p.zip").write_bytes(world.files.objects[f"{FOLDER}pictures-01.zip"])
    other = ["unzip", "-t"] if shutil.which("unzip") else [sys.executable, "-m", "zipfile", "-t"]
    done = subprocess.run([*other, str(tmp_path / "p.zip")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "prompt",
    ["../../etc/passwd", "C:\\x", "a\x00b", "秋の葉", "\u202egpj.exe", "CON", "x" * 3000, "", "\n", "-rf *"],
)
def test_a_name_is_safe_and_unique_whatever_the_prompt(prompt: str) -> None:
    world = a_world(prompt=prompt)
    pack(world)
    names = opened(world).namelist()
    assert len(set(names)) == 4
    assert all(re.fullmatch(r"[0-9]{4,}(-[a-z0-9]+)*\.png|manifest\.csv", name) and len(name) < 64 for name in names)


def test_parts_are_bounded_by_pictures_and_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(use_case, "MAX_PICTURES", 2)
    world = a_world(rows=5)
    state = pack(world)
    assert [(part.name, part.pictures) for part in state.parts] == [
        ("pictures-01.zip", 2),
        ("pictures-02.zip", 2),
        ("pictures-03.zip", 1),
    ]
    assert opened(world, 3).namelist() == ["0005-autumn-leaf.png", "manifest.csv"]
    monkeypatch.setattr(use_case, "MAX_BYTES", 1)
    assert [part.pictures for part in pack(a_world(rows=2)).parts] == [1, 1]
    for part in state.parts:
        assert part.size_bytes == len(world.files.objects[f"{FOLDER}{part.name}"])


@pytest.mark.parametrize("skip", range(7))
@pytest.mark.parametrize("after", [False, True])
def test_a_run_that_dies_is_gone_on_with(monkeypatch: pytest.MonkeyPatch, skip: int, after: bool) -> None:
    monkeypatch.setattr(use_case, "MAX_PICTURES", 2)
    world = a_world(rows=5)
    world.files.fail_next("write", Crash(), skip=skip, after=after)
    with pytest.raises(Crash):
        pack(world)
    state = pack(world)
    assert [part.pictures for part in state.parts] == [2, 2, 1]
    names = [name for part in (1, 2, 3) for name in opened(world, part).namelist() if name != "manifest.csv"]
    assert names == [f"000{row}-autumn-leaf.png" for row in range(1, 6)]


def test_without_time_it_says_so_and_goes_on_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(use_case, "MAX_PICTURES", 2)
    world = a_world(rows=5)
    left = iter([900.0, 10.0])
    packer = Packer(files=world.files, clock=lambda: NOW_MS, seconds_left=lambda: next(left))
    with pytest.raises(StoreUnavailableError):
        zip_campaign_pictures(CAMPAIGN_ID, RUN_ID, packer)
    assert json.loads(world.files.objects[f"{FOLDER}zip.json"])["status"] == "making"
    assert [part.pictures for part in pack(world).parts] == [2, 2, 1]


def test_asked_twice_it_is_made_once() -> None:
    world = a_world()
    first, written = pack(world), len(world.files.written)
    assert (pack(world), len(world.files.written)) == (first, written)


def test_another_leg_is_packed_anew() -> None:
    world = a_world()
    pack(world)
    world.settle(leg=2)
    world.write()
    assert pack(world).leg == 2


def test_deleted_pictures_are_counted_and_the_others_packed() -> None:
    world = a_world(made=2)
    del world.files.objects[f"images/{'9' * 32}/1.png"]
    state = pack(world)
    assert (state.missing, state.parts[0].pictures) == (3, 3)
    assert opened(world).testzip() is None


def test_without_results_or_after_a_fault_the_state_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (pack(ResultsWorld()).status, pack(ResultsWorld()).code) == ("failed", "no_results")
    world = a_world()

    def broken(*_: Any) -> None:
        raise KeyError

    with monkeypatch.context() as patch:
        patch.setattr(use_case, "_names", broken)
        with pytest.raises(KeyError):
            pack(world)
    assert json.loads(world.files.objects[f"{FOLDER}zip.json"])["status"] == "failed"
    assert pack(world).status == "ready"


def test_the_handler_tells_how_it_stands() -> None:
    ids = {"campaign_id": CAMPAIGN_ID, "run_id": RUN_ID}
    deps = handler.Dependencies(files=a_world().files)
    assert handler.handle(ids, deps, lambda: 900.0) == {**ids, "status": "ready"}
