"""`afterimage admin`: people, quotas, the admission switch, suppressed addresses, everybody's requests, what waits
for a person; for the group `admin`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from botocore.exceptions import ClientError
from rich.table import Table
from rich.text import Text

from cli.commands import held
from cli.commands.me import bound, strikes
from cli.commands.owner import Yes, confirm
from cli.errors import CliError
from cli.options import AsJson, Profile, Region, StackName, api_of
from cli.stacks import local_settings
from cli.terminal import ACCENT, SOFT, command, emit_json, output, printable
from local.deploy import stack_outputs
from local.environment import root_client

GROUP = "admin"
BOUNDS = ("monthly_pictures", "concurrent_jobs", "campaign_rows", "daily_pictures")

app = typer.Typer(
    help="People, quotas and the admission switch, for members of the group `admin`.", no_args_is_help=True
)
app.add_typer(held.app, name="held")
Who = Annotated[
    str,
    typer.Argument(metavar="WHO", help="A user name or address, or client:ID or schedule:NAME.", show_default=False),
]
Monthly = Annotated[str | None, typer.Option("--monthly", help="Pictures in a month: a number, or `none`.")]
OpenAtOnce = Annotated[str | None, typer.Option("--open", help="Requests open at a time: a number, or `none`.")]
Rows = Annotated[str | None, typer.Option("--rows", help="Rows of a campaign: a number, or `none`.")]
Daily = Annotated[
    str | None, typer.Option("--daily", help="Pictures of everybody in a day: a number, or `none`; without WHO.")
]


@app.command()
def users(as_json: AsJson = False, stack: StackName = None, profile: Profile = None, region: Region = None) -> None:
    """List the people who may sign in."""
    api, items, cursor = api_of(stack, profile, region), [], None
    while True:
        page = api.admin("GET", "users", params={"limit": 50} | ({"cursor": cursor} if cursor else {}))
        items += page["items"]
        cursor = page["cursor"]
        if cursor is None:
            break
    if as_json:
        emit_json({"items": items})
        return
    table = _table("address", "user name", "status", "may sign in")
    for item in items:
        table.add_row(
            *(Text(printable(str(item[name] or ""))) for name in ("email", "username", "status")),
            "yes" if item["enabled"] else "no",
        )
    output().print(table)


@app.command()
def quota(
    who: Annotated[
        str | None,
        typer.Argument(metavar="[WHO]", help="Whose; left out, the general quotas.", show_default=False),
    ] = None,
    monthly: Monthly = None,
    open_at_once: OpenAtOnce = None,
    rows: Rows = None,
    daily: Daily = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take WHO's own quota away.")] = False,
    as_json: AsJson = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Show or change a quota; what is not named stays as it is. `none` is no bound, 0 lets nothing through."""
    given = (monthly, open_at_once, rows, daily)
    changes = {name: _number(name, text) for name, text in zip(BOUNDS, given, strict=True) if text is not None}
    if who is not None and daily is not None:
        raise typer.BadParameter("the daily cap is everybody's together: leave WHO out.", param_hint="--daily")
    if remove and (who is None or changes):
        raise typer.BadParameter("it goes with WHO and with nothing else.", param_hint="--remove")
    api = api_of(stack, profile, region)
    path = "quotas" if who is None else api.of_user(who, "quota")
    if remove:
        answer = api.admin("DELETE", path)
    else:
        answer = api.admin("GET", path)
        if changes:
            now = answer if who is None else answer["quota"]
            answer = api.admin("PUT", path, json={**now, **changes})
    if as_json:
        emit_json(answer)
        return
    _show_quota(answer, who)


def _show_quota(answer: dict[str, Any], who: str | None) -> None:
    quotas, used = (answer, {}) if who is None else (answer["quota"], answer["used"])
    table = _table("what", "used", "bound")
    names = {
        "monthly_pictures": "pictures in a month",
        "concurrent_jobs": "open requests",
        "campaign_rows": "rows of a campaign",
        "daily_pictures": "everybody's pictures in a day",
    }
    counted = {"concurrent_jobs": used.get("open_requests"), "monthly_pictures": used.get("monthly_pictures")}
    for name, value in quotas.items():
        table.add_row(names[name], "" if counted.get(name) is None else str(counted[name]), bound(value))
    output().print(table)
    if who is not None:
        kind = "a quota of their own" if answer["overridden"] else "the general quota"
        output().print(f"\n{printable(who)} has {kind}{' and is disabled' if answer['disabled'] else ''}.")
        if words := strikes(answer.get("strikes")):
            output().print(f"{words} Undo: {command(f'admin forgive {who}')}", soft_wrap=True)


@app.command()
def disable(who: Who, stack: StackName = None, profile: Profile = None, region: Region = None) -> None:
    """Refuse somebody from now on; work in hand goes on."""
    api = api_of(stack, profile, region)
    api.admin("POST", api.of_user(who, "disable"))
    output().print(f"{printable(who)} is disabled. Undo: {command(f'admin enable {who}')}")


@app.command()
def enable(who: Who, stack: StackName = None, profile: Profile = None, region: Region = None) -> None:
    """Serve somebody again."""
    api = api_of(stack, profile, region)
    api.admin("POST", api.of_user(who, "enable"))
    output().print(f"{printable(who)} is served again.")


@app.command()
def forgive(who: Who, stack: StackName = None, profile: Profile = None, region: Region = None) -> None:
    """Forget somebody's strikes, and end their cool-down."""
    api = api_of(stack, profile, region)
    api.admin("POST", api.of_user(who, "forgive"))
    output().print(f"{printable(who)} may ask again.")


@app.command()
def erase(who: Who, yes: Yes = False, stack: StackName = None, profile: Profile = None, region: Region = None) -> None:
    """Erase everything of somebody for good: requests, pictures, links, and the sign-in."""
    api = api_of(stack, profile, region)
    confirm(f"Erase everything of {printable(who)}? It cannot be brought back.", yes=yes)
    api.admin("DELETE", api.of_user(who))
    output().print(f"Erasing everything of {printable(who)}; it takes some minutes.")


@app.command()
def admission(
    state: Annotated[
        str | None, typer.Argument(metavar="[open|closed]", help="Left out, only shown.", show_default=False)
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Kept beside the switch.")] = None,
    as_json: AsJson = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Show the switch for new requests of everybody, or set it. Work in hand goes on."""
    if state not in (None, "open", "closed"):
        raise typer.BadParameter("say `open` or `closed`.", param_hint="STATE")
    api = api_of(stack, profile, region)
    if state is None:
        answer = api.admin("GET", "admission")
    else:
        answer = api.admin("PUT", "admission", json={"state": state} | ({"reason": reason} if reason else {}))
    if as_json:
        emit_json(answer)
    else:
        output().print(f"Admission is {answer['state']}.{' ' + printable(answer['note']) if answer['note'] else ''}")


@app.command()
def suppressions(
    whose: Annotated[str, typer.Argument(metavar="ADDRESS", help="A mail address.", show_default=False)],
    lift: Annotated[bool, typer.Option("--lift", help="Let it have mail again.")] = False,
    as_json: AsJson = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Show whether an address gets no mail after a bounce or complaint, or let it have mail again.

    They cannot be listed: only hashes of addresses are kept.
    """
    api, shown = api_of(stack, profile, region), printable(whose)
    answer = api.admin("DELETE" if lift else "GET", api.of_suppression(whose))
    if as_json:
        emit_json(answer)
    elif answer["suppressed"]:
        span = f"since {answer['since'][:10]} and until {answer['until'][:10]}"
        undo = command(f"admin suppressions {shown} --lift")
        output().print(f"{shown} gets no mail, {span}, after a {answer['kind']}. Undo: {undo}", soft_wrap=True)
    else:
        output().print(f"{shown} gets mail{' again' if lift else ''}.", soft_wrap=True)


@app.command()
def jobs(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=50, help="At most so many.")] = 20,
    as_json: AsJson = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """List everybody's open requests, the longest untouched first."""
    items = api_of(stack, profile, region).admin("GET", "jobs", params={"limit": limit})["items"]
    if as_json:
        emit_json({"items": items})
        return
    if not items:
        output().print("No request is open.")
        return
    table = _table("id", "owner", "status", "untouched since")
    for item in items:
        table.add_row(item["id"], item["owner"], item["status"], item["updated_at"][:19])
    output().print(table)


@app.command()
def job(
    job_id: Annotated[str, typer.Argument(metavar="ID", help="The id of a request.", show_default=False)],
    prompt: Annotated[bool, typer.Option("--prompt", help="Show what was asked for; the look is logged.")] = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Show one request of anybody as JSON."""
    api = api_of(stack, profile, region)
    emit_json(api.admin("GET", f"jobs/{job_id}", params={"prompt": "true"} if prompt else {}))


@app.command()
def grant(address: Annotated[str, typer.Argument(metavar="EMAIL", help="Who becomes an admin.")]) -> None:
    """Make somebody an admin of the cloud on this machine.

    On AWS: aws cognito-idp admin-add-user-to-group --user-pool-id POOL --username EMAIL --group-name admin
    """
    settings = local_settings()
    outputs = stack_outputs(settings)
    if outputs is None:
        raise CliError("The local cloud is not running.", f"Start it: {command('up')}")
    try:
        root_client(settings, "cognito-idp").admin_add_user_to_group(
            UserPoolId=outputs["UserPoolId"], Username=address, GroupName=GROUP
        )
    except ClientError as exc:
        raise CliError(f"{printable(address)} is not in the pool of the local cloud.") from exc
    output().print(f"{printable(address)} is an admin from the next sign-in on: {command('login')}")


def _number(name: str, text: str) -> int | None:
    if text == "none":
        return None
    if not text.isdecimal():
        raise typer.BadParameter(f"{text!r} is neither a number nor `none`.", param_hint=name)
    return int(text)


def _table(*titles: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=SOFT)
    for index, title in enumerate(titles):
        table.add_column(title, style=ACCENT if index == 0 else None)
    return table
