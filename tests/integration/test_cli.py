"""The command line on a real local cloud, in the shell of somebody with a real AWS account."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from cli.commands.demo import PROMPT
from local.settings import ROOT

if TYPE_CHECKING:
    from conftest import LocalCloud, RealAccount


class Shell:
    """Runs `afterimage` as a person does, in a folder of its own and without a terminal."""

    def __init__(self, cloud: LocalCloud, folder: Path) -> None:
        self._environment = {**cloud.environment, "PYTHONPATH": str(ROOT)}
        self._folder = folder

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-m", "cli", *arguments],
            env=self._environment,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def json(self, *arguments: str, exit_code: int = 0) -> Any:
        """The one document that a command prints with `--json`."""
        done = self(*arguments, "--json")
        assert done.returncode == exit_code, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def afterimage(cloud: LocalCloud, tmp_path: Path) -> Shell:
    return Shell(cloud, tmp_path)


def test_the_demo_goes_from_prompt_to_the_opened_link(
    afterimage: Shell, cloud: LocalCloud, real_account: RealAccount
) -> None:
    done = afterimage("demo")
    assert done.returncode == 0, done.stderr
    pictures = list((cloud.settings.folder / "demo").glob("*.png"))
    assert len(pictures) == 1
    mail = cloud.mails()[-1]
    text = mail.get_body(("plain",))
    assert text is not None
    assert PROMPT in text.get_content()
    for shown in ("generating", "succeeded", pictures[0].name, str(mail["Subject"]), "/i/"):
        assert shown in done.stdout
    assert real_account.visits == []


def test_a_generated_picture_is_saved_as_it_was_made(afterimage: Shell, cloud: LocalCloud, tmp_path: Path) -> None:
    document = afterimage.json("generate", "two boats", "--count", "2", "--seed", "5", "--output", "boats")
    assert document["seeds"] == [5, 6]
    saved = [hashlib.sha256((tmp_path / path).read_bytes()).hexdigest() for path in document["saved"]]
    assert saved == [image["sha256"] for image in document["images"]]
    assert [cloud.http("GET", link).status_code for link in document["mailed_links"]] == [302, 302]


def test_a_delivered_picture_is_intact_and_what_becomes_of_it_is_told(afterimage: Shell, tmp_path: Path) -> None:
    document = afterimage.json("generate", "a boat at sunset", "--seed", "7")
    saved = tmp_path / document["saved"][0]
    (report,) = afterimage.json("verify", str(saved))["files"]
    layers = report["layers"]
    assert (report["verdict"], layers["signature"]["known"], layers["source_type"]) == (
        "intact",
        True,
        "trainedAlgorithmicMedia",
    )
    assert (layers["text"]["seed"], layers["watermark"]["name"]) == ("7", layers["text"]["watermark"])
    picture = Image.open(saved).convert("RGB")
    width, height = picture.size
    picture.save(tmp_path / "anew.jpg", quality=75)
    picture.resize((width // 2, height // 2), Image.Resampling.LANCZOS).save(tmp_path / "half.png")
    picture.crop((width // 10, 0, width, height)).save(tmp_path / "cut.png")
    for name in ("anew.jpg", "half.png", "cut.png"):
        (report,) = afterimage.json("verify", name, exit_code=4)["files"]
        assert (report["layers"]["signature"], report["layers"]["watermark"]["found"]) == (None, True), name
    body = saved.read_bytes()
    at = body.index(b"a boat at sunset")
    saved.write_bytes(body[:at] + b"a goat at sunset" + body[at + 16 :])
    assert afterimage.json("verify", str(saved), exit_code=1)["files"][0]["verdict"] == "altered"


def test_a_blocked_prompt_ends_with_3_and_its_reason(afterimage: Shell) -> None:
    done = afterimage("generate", "a nude child")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "blocked" in done.stdout
    assert "reason" in done.stdout


def test_a_request_is_found_again(afterimage: Shell) -> None:
    made = afterimage.json("generate", "a green square")
    assert afterimage.json("jobs", "--limit", "1")["items"][0]["id"] == made["id"]
    shown = afterimage.json("show", made["id"])
    assert [entry["status"] for entry in shown["timeline"]][-1] == "SUCCEEDED"
    mail = afterimage.json("mail", "open")
    assert mail["job_id"] == made["id"]
    assert "data:image/jpeg;base64," in Path(mail["html_file"]).read_text()


def test_another_person_cannot_be_signed_in_with_a_wrong_password(afterimage: Shell, cloud: LocalCloud) -> None:
    done = afterimage("login", "--email", cloud.user("somebody@afterimage.example"), "--password-stdin")
    assert done.returncode == 1
    assert "Sign-in was refused" in done.stderr


def test_presets_status_and_doctor_find_everything_well(afterimage: Shell) -> None:
    names = {preset["name"] for preset in afterimage.json("presets")["items"]}
    assert "movie-poster" in names
    assert afterimage("up").returncode == 0
    assert afterimage.json("status")["ready"]
    afterimage.json("generate", "a blue circle")  # so that there is a link to follow
    findings = {finding["name"]: finding["sentence"] for finding in afterimage.json("doctor")["findings"]}
    assert findings["link"] == "the newest mailed link answers 302, then its picture"


def test_no_command_prints_a_token(afterimage: Shell, cloud: LocalCloud) -> None:
    for arguments in (("login",), ("presets",), ("doctor",), ("status",), ("jobs", "--json")):
        done = afterimage(*arguments)
        kept = json.loads((cloud.settings.state / "sign_in.json").read_text())
        for name in ("access_token", "refresh_token"):
            assert kept[name] not in done.stdout + done.stderr
