"""What is built and deployed again, and what is not."""

import io
import zipfile
from pathlib import Path

import pytest

from local import setup
from local.digest import digest_of
from local.package import package


def test_the_digest_follows_contents_and_names_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "functions"
    folder.mkdir()
    (folder / "a.py").write_text("one")
    before = digest_of([folder])
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "a.pyc").write_text("compiled")
    (folder / "a.py").write_text("one")
    assert digest_of([folder]) == before
    (folder / "a.py").write_text("two")
    changed = digest_of([folder])
    (folder / "a.py").rename(folder / "b.py")
    assert len({before, changed, digest_of([folder]), digest_of([folder], "parameter")}) == 4


def test_an_old_python_is_told_which_ones_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "OLDEST", (3, 98))
    monkeypatch.setattr(setup, "NEWEST", (3, 99))
    with pytest.raises(setup.SetupError, match=r"needs Python 3\.98 to 3\.99"):
        setup.find_python()


class Uploads:
    """Remembers what was put."""

    def __init__(self) -> None:
        self.put: dict[str, bytes] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:
        self.put[f"s3://{Bucket}/{Key}"] = Body


def test_equal_functions_are_uploaded_once_and_different_ones_apart(tmp_path: Path) -> None:
    for name, text in (("First", "same"), ("Second", "same"), ("Third", "other")):
        (tmp_path / name / "afterimage").mkdir(parents=True)
        (tmp_path / name / "afterimage" / "handler.py").write_text(text)
    lines = [f"      CodeUri: {name}" for name in ("First", "Second", "Third")]
    (tmp_path / "template.yaml").write_text("\n".join([*lines, "      DefinitionUri: ../machine.asl.json", ""]))
    s3 = Uploads()
    text = package(tmp_path, s3, "artifacts").read_text()
    first, second, third, definition = (line.strip().split(": ")[1] for line in text.splitlines())
    assert first == second != third
    assert set(s3.put) == {first, third}
    assert definition == "../machine.asl.json"
    with zipfile.ZipFile(io.BytesIO(s3.put[first])) as archive:
        assert archive.namelist() == ["afterimage/handler.py"]
        assert archive.read("afterimage/handler.py") == b"same"
