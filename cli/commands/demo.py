"""`afterimage demo`: the whole way once, from prompt to an opened link, with every step proved.

It ends with exit code 0 only when the picture, the mail and the link are all there and the link's bytes are the
picture's.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from cli.api import Api
from cli.commands.cloud import away_from_real_accounts, say
from cli.commands.generate import wait
from cli.errors import CliError
from cli.job_view import facts
from cli.jobs import SUCCEEDED, Job, parse_job
from cli.mailbox import Mail, Mailbox
from cli.options import connect
from cli.pictures import can_preview, fetch, preview, save
from cli.stacks import local_stack
from cli.terminal import ACCENT, GOOD, SOFT, address, command, output, printable, short_path
from local.__main__ import up as bring_up
from local.settings import Settings

PROMPT = "a sailing boat at sunset"
SEED = 7  # fixed, so that everybody sees the same picture
TIMEOUT_S = 300.0
MAIL_PATIENCE_S = 10.0
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What the demo has seen with its own eyes."""

    job: Job
    path: Path
    content: bytes
    mail: Mail
    link: str


def demo() -> None:
    """Make one picture on the local cloud and follow it to the link in the mail."""
    console = output()
    with away_from_real_accounts() as settings:
        bring_up(settings, say)
        api = connect(local_stack(settings))
        console.print()
        console.print(Text.assemble(("Afterimage", f"bold {ACCENT}"), ("  draws  ", SOFT), (PROMPT, "bold")))
        console.print()
        first = parse_job(api.create({"prompt": PROMPT, "seed": SEED}, str(uuid.uuid4())))
        job = wait(api, first, TIMEOUT_S)
        proof = prove(api, job, settings)
    console.print()
    if can_preview(console):
        console.print(preview(proof.content))
        console.print()
    console.print(_summary(proof), soft_wrap=True)
    console.print("\nTry next", style="bold")
    console.print(_next_steps(proof), soft_wrap=True)


def prove(api: Api, job: Job, settings: Settings) -> Proof:
    """Return what is to be shown. Raises CliError with the first thing that is not as it should be."""
    if job.status != SUCCEEDED or not job.pictures:
        reason = printable(job.reason) or "no reason was recorded"
        raise CliError(f"The request ended {job.status}: {reason}", f"See the logs in {short_path(settings.logs)}.")
    picture = job.pictures[0]
    content = fetch(api, picture)
    path = save(job, picture, content, settings.folder / "demo")
    mail = _mail(job, settings)
    if not mail.links:
        raise CliError(f"The mail about the picture holds no link: {short_path(mail.path)}")
    link = mail.links[0]
    status, answer = api.follow(link)
    if status != 302:
        raise CliError(f"The link in the mail answered {status} instead of 302.", f"Its mail: {short_path(mail.path)}")
    if answer.status_code != 200 or not answer.content.startswith(_PNG):
        raise CliError(f"The link led to something that is not a PNG (status {answer.status_code}).")
    if hashlib.sha256(answer.content).hexdigest() != picture.sha256:
        raise CliError("The link led to a picture whose bytes differ from the one that was made.")
    return Proof(job=job, path=path, content=content, mail=mail, link=link)


def _mail(job: Job, settings: Settings) -> Mail:
    mailbox = Mailbox(settings.mail)
    deadline = time.monotonic() + MAIL_PATIENCE_S
    while True:
        if mail := mailbox.about(job.job_id):
            return mail
        if time.monotonic() > deadline:
            raise CliError(
                f"The picture is there, but no mail about it arrived within {MAIL_PATIENCE_S:g} s.",
                f"See {short_path(settings.logs / 'mail.log')} and {command('doctor')}.",
            )
        time.sleep(0.1)


def _summary(proof: Proof) -> Text:
    picture = proof.job.pictures[0]
    made = f"{picture.width}×{picture.height}, seed {picture.seed}, sha256 {picture.sha256[:12]}…"
    subject, recipient = printable(proof.mail.subject), printable(proof.mail.recipient)
    rows = [
        ("✓ picture", Text.assemble((short_path(proof.path), "bold"), (f"  {made}", SOFT))),
        ("✓ mail", Text.assemble((f"“{subject}”", "bold"), (f"  to {recipient}", SOFT))),
        ("✓ link", Text.assemble(("302, then the PNG", "bold"), ("  byte for byte the one that was made", SOFT))),
        ("", address(proof.link)),
    ]
    summary = facts(rows)
    summary.highlight_words(["✓"], f"bold {GOOD}")
    return summary


def _next_steps(proof: Proof) -> Text:
    steps = (
        ("your own picture", 'generate "a green triangle on a white background"'),
        ("this mail", f"mail open {proof.mail.number} --browser"),
        ("the styles", "presets"),
        ("all requests", "jobs"),
        ("stop the cloud", "down"),
    )
    return facts([(f"  {purpose}", Text(command(words), style=ACCENT)) for purpose, words in steps])
