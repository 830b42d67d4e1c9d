"""What is left of a run on the local cloud: manifest, contact sheet, one mail, its links, and a way out of it."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any
from urllib.parse import urlsplit

import httpx
from afterimage.contracts.campaign import run_prefix
from afterimage.domain.campaign import RunStatus
from integration.campaigns import PlantedCampaign
from integration.conftest import LocalCloud
from integration.journey import invoke, mails_to, person
from PIL import Image

ROWS: list[dict[str, Any]] = [
    {"prompt": "a red circle", "seed": 1},
    {"prompt": "=a blue square", "seed": 2},
    {"prompt": "a boat", "preset": "gone"},
    {"prompt": "a green star", "seed": 4},
]


def body(cloud: LocalCloud, planted: PlantedCampaign, name: str) -> bytes:
    key = f"{run_prefix(planted.id, 'first')}{name}"
    found: bytes = cloud.client("s3").get_object(Bucket=cloud.outputs["BucketName"], Key=key)["Body"].read()
    return found


def one_click(url: str) -> httpx.Response:
    """What a mail program sends, without cookie or token."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return httpx.post(url, content=b"List-Unsubscribe=One-Click", headers=form)


def test_a_run_leaves_a_manifest_a_sheet_and_one_mail_that_one_can_leave(cloud: LocalCloud) -> None:
    address = person()
    planted = PlantedCampaign(cloud, address, ROWS, concurrency=4)
    planted.begin()
    assert planted.wait_for_rest(1).status is RunStatus.FINISHED

    lines = [json.loads(line) for line in body(cloud, planted, "manifest.jsonl").splitlines()]
    assert [line["status"] for line in lines] == ["SUCCEEDED", "SUCCEEDED", "FAILED", "SUCCEEDED"]
    assert (lines[2]["code"], lines[2]["columns"]) == ("unknown_preset", {"sku": "A3"})
    for line in lines:
        for link in line["links"]:
            picture = httpx.get(link, follow_redirects=True)
            assert picture.content.startswith(b"\x89PNG")
    page = Image.open(io.BytesIO(body(cloud, planted, "sheet-01.jpg")))
    assert (page.format, page.width) == ("JPEG", 1488)

    (mail,) = mails_to(cloud, address)
    assert mail["Subject"] == "Your campaign is finished: 3 of 4 rows"
    plain = mail.get_body(("plain",))
    assert plain
    list_link = re.search(r"\(CSV\): (\S+)", plain.get_content())
    assert list_link
    table = httpx.get(list_link[1], follow_redirects=True).content.decode("utf-8-sig")
    cells = list(csv.DictReader(io.StringIO(table, newline="")))
    assert [cell["sku"] for cell in cells] == ["A1", "A2", "A3", "A4"]
    assert cells[1]["prompt"] == "'=a blue square"

    # Told again, by whatever repeats it: no second mail.
    told = invoke(cloud, "TellCampaignFunction", {"campaign_id": planted.id, "run_id": "first", "leg": 1})
    assert told == {"told": True}
    assert len(mails_to(cloud, address)) == 1

    url = str(mail["List-Unsubscribe"]).strip("<>")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert urlsplit(url).path.rpartition("/u/")[1] == "/u/"
    assert "Unsubscribe</button>" in httpx.get(url).text
    assert [one_click(url).status_code for _ in range(2)] == [200, 200]
    planted.go_on(retrying=True)
    planted.wait_for_rest(2)
    assert len(mails_to(cloud, address)) == 1, "whoever left gets none of the next leg"
    assert json.loads(body(cloud, planted, "results.json"))["leg"] == 2


def test_a_pause_by_the_budget_is_told_with_what_to_do(cloud: LocalCloud) -> None:
    address = person()
    planted = PlantedCampaign(cloud, address, ROWS, concurrency=1)
    planted.begin(budget_pictures=1)
    planted.wait_for_rest(1)
    (mail,) = mails_to(cloud, address)
    assert str(mail["Subject"]).startswith("Your campaign has paused: 1 of 4 rows")
    plain = mail.get_body(("plain",))
    assert plain
    assert f"afterimage campaign resume {planted.id}" in plain.get_content()
    lines = [json.loads(line) for line in body(cloud, planted, "manifest.jsonl").splitlines()]
    assert [line["status"] for line in lines].count("NOT_STARTED") == 3
