"""State DrawContactSheet: one sheet a call, from the plan that WriteCampaignResults left.

A repeated call draws the same sheet over itself. What is logged are ids and numbers: the title is a stranger's text.
"""

from __future__ import annotations

import functools
import json
import os
from typing import Any

import boto3

from afterimage_imaging.sheet import Heading, Tile, draw
from afterimage_imaging.storage import CONFIG, Files, keeping_secrets, tell


@functools.cache
def dependencies() -> Files:
    """Build the real ones, once per process."""
    return Files(client=boto3.client("s3", config=CONFIG), bucket=os.environ["BUCKET_NAME"])


def handle(event: dict[str, Any], files: Files) -> dict[str, Any]:
    """Draw sheet `sheet` and return the ids with the next one's number, and whether that was the last."""
    sheet, folder = int(event["sheet"]), f"campaigns/{event['campaign_id']}/runs/{event['run_id']}/"
    body = files.read(f"{folder}sheets.json")
    plan = json.loads(body) if body else {"leg": None, "tiles": [], "per_sheet": 1}
    sheets = -(-len(plan["tiles"]) // plan["per_sheet"])
    if plan["leg"] == event["leg"] and sheet <= sheets:
        first = (sheet - 1) * plan["per_sheet"]
        tiles = tuple(Tile(**tile) for tile in plan["tiles"][first : first + plan["per_sheet"]])
        heading = Heading(title=plan["title"], day=plan["day"], sheet=sheet, sheets=sheets, left_out=plan["left_out"])
        drawn = draw(heading, tiles, files.read)
        files.write(f"{folder}sheet-{sheet:02}.jpg", drawn, "image/jpeg")
        tell("sheet drawn", event["campaign_id"], sheet=sheet, sheets=sheets, size_bytes=len(drawn))
    ids = {name: event[name] for name in ("campaign_id", "run_id", "leg")}
    return {**ids, "sheet": sheet + 1, "done": plan["leg"] != event["leg"] or sheet >= sheets}


@keeping_secrets("campaign_id")
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Entry point of DrawContactSheetFunction."""
    return handle(event, dependencies())
