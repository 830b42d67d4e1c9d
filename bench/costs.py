"""Dollars for a thousand delivered pictures, everything but the GPU, from counted operations and dated list prices."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.conditions import table

PRICES = Path(__file__).resolve().parent / "prices_2026_11.toml"
PICTURES = 1000
# What each function has, from the template: 512 MB, but for these.
MEMORY_GB = {"RequestsApi": 1.0, "PublicLink": 1.0, "SealPictures": 1.0}
DEFAULT_MEMORY_GB = 0.5
# The container writes picture, thumbnail and result, looks once for a tombstone, and SageMaker reads the input.
CONTAINER_PUTS, CONTAINER_GETS = 3, 2
# The owner's copy and the one to share.
COPIES = 2
PUTS = ("s3:PutObject", "s3:CopyObject")
GETS = ("s3:GetObject", "s3:HeadObject")


def measure(operations: dict[str, Any], workflow: dict[str, Any]) -> dict[str, Any]:
    """Return dollars by service. `operations` and `workflow` are the results of these benchmarks."""
    prices = tomllib.loads(PRICES.read_text(encoding="utf-8"))
    assumed, calls = prices["assumed"], operations["calls"]
    opened = assumed["picture_opened"]
    invocations = dict(workflow["invocations_by_function"]) | {"PublicLink": opened}
    gb_seconds = sum(
        count * MEMORY_GB.get(name, DEFAULT_MEMORY_GB) * assumed["lambda_ms"] / 1000
        for name, count in invocations.items()
    )
    puts = sum(calls.get(name, 0) for name in PUTS) + CONTAINER_PUTS
    gets = sum(calls.get(name, 0) for name in GETS) + CONTAINER_GETS + opened
    months = assumed["picture_days"] / 30
    gigabytes = assumed["picture_bytes"] / 1e9
    dynamodb = operations["dynamodb"]
    one_picture = {
        "HTTP API": (1 + opened) * prices["http_api"]["per_million_requests"] / 1e6,
        "Lambda requests": sum(invocations.values()) * prices["lambda"]["per_million_requests"] / 1e6,
        "Lambda time": gb_seconds * prices["lambda"]["per_gb_second"],
        "Step Functions": workflow["transitions_per_picture"]
        * prices["step_functions"]["per_thousand_transitions"]
        / 1e3,
        "DynamoDB": dynamodb["write_units"] * prices["dynamodb"]["per_million_write_units"] / 1e6
        + (dynamodb["read_units"] + opened) * prices["dynamodb"]["per_million_read_units"] / 1e6,
        "S3 requests": puts * prices["s3"]["per_thousand_puts"] / 1e3 + gets * prices["s3"]["per_thousand_gets"] / 1e3,
        "S3 storage": COPIES * gigabytes * months * prices["s3"]["per_gb_month"],
        "SNS": prices["sns"]["per_million_requests"] / 1e6,
        "SES": prices["ses"]["per_thousand_mails"] / 1e3
        + assumed["mail_bytes"] / 1e9 * prices["ses"]["per_gb_attached"],
        "Logs": sum(invocations.values())
        * assumed["log_bytes_per_invocation"]
        / 1e9
        * prices["logs"]["per_gb_ingested"],
        "Transfer": opened * gigabytes * prices["transfer"]["per_gb_to_internet"],
    }
    dollars = {name: round(cost * PICTURES, 4) for name, cost in one_picture.items()}
    return {
        "pictures": PICTURES,
        "dollars": dollars,
        "total_dollars": round(sum(dollars.values()), 3),
        "prices_as_of": prices["as_of"],
        "region": prices["region"],
        "pages": {
            name: entry["page"] for name, entry in prices.items() if isinstance(entry, Mapping) and "page" in entry
        },
        "assumed": assumed,
        "operations": operations,
    }


def show(numbers: dict[str, Any]) -> str:
    """The dollars as a table, the dearest first."""
    rows: list[list[Any]] = [[f"{numbers['pictures']} pictures, without GPU", "US dollars"]]
    rows += [[name, cost] for name, cost in sorted(numbers["dollars"].items(), key=lambda pair: -pair[1])]
    rows.append(["total", numbers["total_dollars"]])
    return table(f"Cost, list prices of {numbers['prices_as_of']}, {numbers['region']}", rows)
