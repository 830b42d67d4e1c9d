"""`afterimage mail`: the sink's folder as a mailbox."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from cli.mailbox import Mailbox
from tests.unit.cli.service import BASE, JOB_ID, PICTURE, write_mail

Run = Callable[..., Result]


def test_mails_are_numbered_from_the_oldest(cloud_folder: Path) -> None:
    for number in (2, 1, 3):
        write_mail(cloud_folder / "mail", number)
    mails = Mailbox(cloud_folder / "mail").mails()
    assert [(mail.number, mail.path.name[-8:-4]) for mail in mails] == [(1, "0001"), (2, "0002"), (3, "0003")]


def test_the_mail_about_a_request_is_found_and_the_newest_one_wins(cloud_folder: Path) -> None:
    write_mail(cloud_folder / "mail", 1, link=f"{BASE}/i/old")
    write_mail(cloud_folder / "mail", 2, link=f"{BASE}/i/new")
    write_mail(cloud_folder / "mail", 3, job_id="another")
    mail = Mailbox(cloud_folder / "mail").about(JOB_ID)
    assert mail is not None
    assert mail.links == (f"{BASE}/i/new",)
    assert Mailbox(cloud_folder / "mail").about("unknown") is None


def test_the_list_shows_number_subject_and_request(run: Run, cloud_folder: Path) -> None:
    write_mail(cloud_folder / "mail")
    shown = run("mail").stdout
    assert "Your picture is ready" in shown
    assert JOB_ID in shown


def test_an_empty_sink_says_how_to_fill_it(run: Run) -> None:
    assert "afterimage demo" in run("mail").stdout
    opened = run("mail", "open")
    assert opened.exit_code == 1
    assert "No mail has arrived" in opened.stderr


def test_open_shows_headers_text_and_links(run: Run, cloud_folder: Path) -> None:
    write_mail(cloud_folder / "mail")
    shown = run("mail", "open").stdout
    for part in ("studio@afterimage.example", "demo@afterimage.example", "Picture: ", f"link     {BASE}/i/secret"):
        assert part in shown


def test_open_writes_a_page_that_needs_no_other_file(run: Run, cloud_folder: Path) -> None:
    write_mail(cloud_folder / "mail")
    document = json.loads(run("mail", "open", "1", "--json").stdout)
    page = Path(document["html_file"])
    assert page.is_relative_to(cloud_folder)
    assert f'src="data:image/png;base64,{base64.b64encode(PICTURE).decode()}"' in page.read_text()
    assert "cid:" not in page.read_text()


@pytest.mark.parametrize("number", ["0", "2"])
def test_a_number_that_is_not_there_is_a_sentence(run: Run, cloud_folder: Path, number: str) -> None:
    write_mail(cloud_folder / "mail")
    done = run("mail", "open", number)
    assert done.exit_code == 1
    assert f"no mail {number}" in done.stderr


def test_open_hands_the_page_to_the_browser_when_asked(
    run: Run, cloud_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    write_mail(cloud_folder / "mail")
    run("mail", "open")
    assert opened == []
    run("mail", "open", "--browser")
    assert opened[0].startswith("file://")
    assert opened[0].endswith(".html")


def test_json_lists_the_links(run: Run, cloud_folder: Path) -> None:
    write_mail(cloud_folder / "mail")
    items = json.loads(run("mail", "--json").stdout)["items"]
    assert [(item["number"], item["job_id"], item["links"]) for item in items] == [(1, JOB_ID, [f"{BASE}/i/secret"])]


def test_a_subject_cannot_steer_the_terminal(run: Run, cloud_folder: Path) -> None:
    path = write_mail(cloud_folder / "mail")
    path.write_bytes(path.read_bytes().replace(b"Subject: Your", b"Subject: \x1b[2JYour"))
    for words in (["mail"], ["mail", "open"]):
        assert "\x1b" not in run(*words).stdout
