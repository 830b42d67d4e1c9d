"""State DrawContactSheet: one sheet a call, from the plan that WriteCampaignResults left.

A repeated call draws the same sheet over itself. What is logged are ids and numbers: the title is a stranger's text.
"""

from __future__ import annotations

import functools
import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from afterimage_imaging.sheet import Heading, Tile, draw

# S3 says "forbidden" of a missing object to whoever may not list the bucket.
_MISSING = frozenset({"NoSuchKey", "AccessDenied", "403", "404"})
_CONFIG = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 4})
_log = logging.getLogger(__name__)


class StoreUnavailableError(Exception):
    """S3 throttles or does not answer. The state retries this name, which the other functions use as well."""


class InternalError(Exception):
    """Something that nobody foresaw; its own words stay in the process."""


@dataclass(frozen=True, kw_only=True)
class Files:
    """Objects of the bucket."""

    client: Any
    bucket: str

    def read(self, key: str) -> bytes | None:
        """Return an object, None for one that is not there. Raises StoreUnavailableError."""
        try:
            body: bytes = self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except ClientError as exc:
            if exc.response["Error"]["Code"] in _MISSING:
                return None
            raise StoreUnavailableError() from exc
        except BotoCoreError as exc:
            raise StoreUnavailableError() from exc
        return body

    def write(self, key: str, body: bytes) -> None:
        """Store a JPEG. Raises StoreUnavailableError."""
        try:
            self.client.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType="image/jpeg")
        except (BotoCoreError, ClientError) as exc:
            raise StoreUnavailableError() from exc


@functools.cache
def dependencies() -> Files:
    """Build the real ones, once per process."""
    return Files(client=boto3.client("s3", config=_CONFIG), bucket=os.environ["BUCKET_NAME"])


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
        files.write(f"{folder}sheet-{sheet:02}.jpg", drawn)
        _tell("sheet drawn", event, sheet=sheet, sheets=sheets, size_bytes=len(drawn))
    ids = {name: event[name] for name in ("campaign_id", "run_id", "leg")}
    return {**ids, "sheet": sheet + 1, "done": plan["leg"] != event["leg"] or sheet >= sheets}


def _tell(message: str, event: dict[str, Any], **facts: Any) -> None:
    _log.warning(json.dumps({"message": message, "correlation_id": event.get("campaign_id"), **facts}))


def _keeping_secrets(handler: Callable[[dict[str, Any], Any], Any]) -> Callable[[dict[str, Any], Any], Any]:
    """The runtime logs an uncaught error and Step Functions keeps its message, which may quote what was drawn."""

    @functools.wraps(handler)
    def guarded(event: dict[str, Any], context: Any) -> Any:
        try:
            return handler(event, context)
        except StoreUnavailableError:
            raise StoreUnavailableError() from None
        except Exception as exc:  # unforeseen, so whatever it is
            _tell("unforeseen error", event, error=type(exc).__name__)
            raise InternalError() from None

    return guarded


@_keeping_secrets
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Entry point of DrawContactSheetFunction."""
    return handle(event, dependencies())
