"""`afterimage me`: what the person may ask for, and what is left of it."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from cli.options import AsJson, Profile, Region, StackName, api_of
from cli.terminal import ACCENT, SOFT, emit_json, output

_UNBOUNDED = "no bound"


def me(as_json: AsJson = False, stack: StackName = None, profile: Profile = None, region: Region = None) -> None:
    """Show your quota: what you have used, what is left, and when it is new."""
    account = api_of(stack, profile, region).me()
    if as_json:
        emit_json(account)
        return
    output().print(quota_table(account))
    role = ", and an admin" if account["admin"] else ""
    output().print(
        f"\nYou are a {account['kind']}{role}. The month {account['month']} ends {account['renews_at'][:10]}."
    )
    if words := strikes(account.get("strikes")):
        output().print(words, soft_wrap=True)


def strikes(known: dict[str, Any] | None) -> str:
    """Return how somebody stands whose requests were blocked, nothing for whoever has no strike."""
    if known and known["cooling_until"]:
        until = known["cooling_until"][:16].replace("T", " ")
        return f"New requests are not taken until {until} UTC: too many were blocked."
    if known and known["recent"]:
        return f"{known['recent']} of {known['bound']} blocked requests that begin a cool-down."
    return ""


def quota_table(account: dict[str, Any]) -> Table:
    """Return bounds, use and what is left, side by side."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=SOFT)
    table.add_column("what", style=ACCENT, no_wrap=True)
    for title in ("used", "of", "left"):
        table.add_column(title, justify="right", no_wrap=True)
    quota, used, left = account["quota"], account["used"], account["left"]
    table.add_row(
        "pictures this month",
        str(used["monthly_pictures"]),
        bound(quota["monthly_pictures"]),
        bound(left["monthly_pictures"]),
    )
    table.add_row(
        "open requests", str(used["open_requests"]), bound(quota["concurrent_jobs"]), bound(left["open_requests"])
    )
    table.add_row("everybody's pictures today", "", "", bound(left["daily_pictures"]))
    return table


def bound(value: int | None) -> str:
    """Return a bound for reading."""
    return _UNBOUNDED if value is None else str(value)
