"""`afterimage generate`: from a prompt to saved pictures, with the way there in sight."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from cli.api import Api
from cli.errors import INTERRUPTED, UNSUCCESSFUL, CliError
from cli.input_pictures import read_input, send_input
from cli.job_view import result
from cli.jobs import SUCCEEDED, Job, parse_job
from cli.mailbox import Mail, Mailbox
from cli.options import DEFAULT_TIMEOUT_S, AsJson, Output, Profile, Region, StackName, Timeout, api_of
from cli.pictures import can_preview, fetch, preview_row, save
from cli.progress import show
from cli.stacks import local_settings
from cli.terminal import command, complaints, emit_json, output, printable
from cli.watch import StillRunningError, watch

_SIZE = re.compile(r"(\d{1,4})[x×](\d{1,4})", re.IGNORECASE)


def generate(
    prompt: Annotated[str, typer.Argument(help="What to draw, in words.", show_default=False)],
    preset: Annotated[str | None, typer.Option(help="A style by name; `afterimage presets` lists them.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**32 - 1, help="The seed of the first picture; drawn when left out.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=4, help="How many pictures, each with the next seed.")] = 1,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="Pixels, such as 512x768. Left out: what model and preset prefer.")
    ] = None,
    email: Annotated[
        str | None, typer.Option(help="Tell this address instead of your own; needs the scope mail:any.")
    ] = None,
    negative: Annotated[str | None, typer.Option(help="What to keep out of the picture.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, max=1000, help="Denoising steps.")] = None,
    guidance: Annotated[float | None, typer.Option(min=0, max=100, help="How closely to follow the prompt.")] = None,
    picture: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="Begin from this picture: PNG, JPEG or WebP, up to 10 MB."),
    ] = None,
    strength: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="How much of that picture is changed: 0.3 a little, 0.9 nearly all."),
    ] = None,
    adapter: Annotated[
        str | None, typer.Option(metavar="NAME", help="A LoRA by the name under which an operator has published it.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would take; nothing is made.")] = False,
    folder: Output = Path(),
    timeout: Timeout = DEFAULT_TIMEOUT_S,
    as_json: AsJson = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Make pictures from PROMPT, watch them being made, and save them."""
    body = request_body(
        prompt,
        preset=preset,
        seed=seed,
        count=count,
        size=size,
        email=email,
        negative_prompt=negative,
        steps=steps,
        guidance=guidance,
        strength=strength,
        adapter=adapter,
    )
    if strength is not None and picture is None:
        raise typer.BadParameter("goes with --from FILE.", param_hint="--strength")
    content = read_input(picture) if picture else None
    api = api_of(stack, profile, region)
    if picture and content:
        body["input"] = {"upload": send_input(api, picture, *content, quiet=as_json)}
    if dry_run:
        show_price(api.price(body), as_json=as_json)
        return
    job = parse_job(api.create(body, str(uuid.uuid4())))
    if not as_json:
        output().print(Text(printable(job.prompt), style="bold"), "", sep="\n", soft_wrap=True)
    follow(api, job, folder, timeout, as_json=as_json)


def show_price(price: dict[str, Any], *, as_json: bool) -> None:
    """Print an estimate, and what speaks against the request."""
    if as_json:
        emit_json(price)
        return
    dollars, moderation = price["estimated_dollars"], price["moderation"]
    lines = [
        f"Estimate: {price['pictures']} of {price['width']}×{price['height']}, {price['steps']} steps.",
        f"About {price['estimated_seconds']:g} s of the model and ${dollars['total']:.4f}: "
        f"${dollars['model']:.4f} for the model, ${dollars['services']:.4f} for the services around it.",
        f"The content policy would {moderation['action']} it. {moderation['sentence']}".rstrip(),
        *(warning["message"] for warning in price["warnings"]),
    ]
    if not price["would_be_accepted"]:
        lines.append(f"It would be refused now: {price['refusal']}.")
    output().print("\n".join(printable(line) for line in lines), soft_wrap=True, markup=False, highlight=False)


def request_body(prompt: str, *, size: str | None = None, email: str | None = None, **wishes: Any) -> dict[str, Any]:
    """Return the document of POST /v1/images: what was not said is left out, so that preset and model decide."""
    body: dict[str, Any] = {"prompt": prompt} | {name: value for name, value in wishes.items() if value is not None}
    if size is not None:
        found = _SIZE.fullmatch(size.strip())
        if not found:
            raise typer.BadParameter(f"{size!r} is not a size such as 512x768.", param_hint="--size")
        body |= {"width": int(found[1]), "height": int(found[2])}
    if email is not None:
        body["notify"] = {"email": email}
    return body


def follow(api: Api, first: Job, folder: Path, timeout_s: float, *, as_json: bool) -> None:
    """Wait for a request, save its pictures and print what became of it. Ends with exit code 3 without a picture."""
    try:
        job = wait(api, first, timeout_s, quiet=as_json)
    except StillRunningError as error:
        if as_json:
            emit_json(error.job.document)
        raise
    contents = [fetch(api, picture) for picture in job.pictures]
    saved = [save(job, picture, content, folder) for picture, content in zip(job.pictures, contents, strict=True)]
    mail = mail_about(api, job)
    if as_json:
        links = {"mailed_links": list(mail.links)} if mail else {}
        emit_json(job.document | {"saved": [str(path) for path in saved]} | links)
    else:
        console = output()
        console.print()
        if contents and can_preview(console):
            console.print(preview_row(contents, console.width), "", sep="\n")
        console.print(result(job, saved, mail), soft_wrap=True)
    if job.status != SUCCEEDED:
        raise typer.Exit(UNSUCCESSFUL)


def wait(api: Api, first: Job, timeout_s: float, *, quiet: bool = False) -> Job:
    """Return the request when it is final, showing its progress unless `quiet`. Ctrl-C leaves it running."""
    again = command(f"show {first.job_id} --wait{api.stack.choice.words()}")
    looks = watch(first, lambda: parse_job(api.job(first.job_id)), timeout_s, options=api.stack.choice.words())
    try:
        if quiet:
            *_, last = looks
            return last
        return show(looks, output())
    except StillRunningError:
        raise
    except CliError as error:
        error.hint = f"The request goes on. Look again: {again}"
        raise
    except KeyboardInterrupt as error:
        complaints().print(f"\nThe request goes on without you. Look again: {again}", soft_wrap=True)
        raise typer.Exit(INTERRUPTED) from error


def mail_about(api: Api, job: Job) -> Mail | None:
    """Return the mail about a request where it can be read: in the local sink."""
    return Mailbox(local_settings().mail).about(job.job_id) if api.stack.is_local else None
