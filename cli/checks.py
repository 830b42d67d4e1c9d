"""What `afterimage doctor` looks at. Each check answers with a finding; none of them changes anything."""

from __future__ import annotations

import hashlib
import secrets
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cli.api import Api
from cli.errors import CliError, ProblemError
from cli.jobs import SUCCEEDED, parse_job
from cli.mailbox import Mailbox
from cli.terminal import command, short_path
from cli.watch import watch
from local import cloud, setup
from local.deploy import read_stack, stack_outputs
from local.services import Service, services
from local.settings import HOST, Settings

_NO_SUCH_LINK = "/i/" + "0" * 43


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a check found. `remedy` is a sentence, given when `well` is false, or when it is no more than a `warning`:
    something that bears watching, or that may not be looked at."""

    name: str
    well: bool
    sentence: str
    remedy: str = ""
    warning: bool = False


def local_findings(settings: Settings) -> Iterator[Finding]:
    """Check this machine and the local cloud, as far as it goes without the API."""
    yield _python()
    yield _environments()
    yield _model(settings)
    for service in services(settings):
        yield _service(service)
    yield _stack(settings)


def api_findings(api: Api, mailbox: Mailbox | None) -> Iterator[Finding]:
    """Check a stack from outside: its API, the sign-in, a link. Ends at the first that fails."""
    checks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("API", lambda: _health(api)),
        ("sign-in", lambda: _sign_in(api)),
        ("link", lambda: _link(api, mailbox)),
    )
    for name, look in checks:
        try:
            yield Finding(name=name, well=True, sentence=look())
        except CliError as error:
            code = f" ({error.code})" if isinstance(error, ProblemError) else ""
            yield Finding(
                name=name, well=False, sentence=error.sentence + code, remedy=error.hint or "See the function's log."
            )
            return


def request_finding(api: Api, timeout_s: float) -> Finding:
    """Order one picture and fetch it: the only check that costs something."""
    name = "request"
    try:
        asked = parse_job(api.create({"prompt": "a lighthouse at dusk"}, f"doctor-{secrets.token_hex(8)}"))
        *_, job = watch(asked, lambda: parse_job(api.job(asked.job_id)), timeout_s)
        if job.status != SUCCEEDED or not job.pictures:
            return Finding(name=name, well=False, sentence=f"{job.job_id} ended {job.status}", remedy=job.reason)
        if hashlib.sha256(api.download(job.pictures[0].url)).hexdigest() != job.pictures[0].sha256:
            raise CliError(f"the picture of {job.job_id} is other bytes than those on record")
    except CliError as error:
        return Finding(name=name, well=False, sentence=error.sentence, remedy=error.hint or "See the function's log.")
    return Finding(name=name, well=True, sentence=f"{job.job_id} made a picture in {job.seconds:.0f} s")


def _python() -> Finding:
    version = sys.version_info[:2]
    oldest, newest = (".".join(map(str, bound)) for bound in (setup.OLDEST, setup.NEWEST))
    return Finding(
        name="Python",
        well=setup.OLDEST <= version <= setup.NEWEST,
        sentence=f"{sys.version.split()[0]}, and {oldest} to {newest} will do",
        remedy="Install one of those and make the environments again: make setup PYTHON=/path/to/python3.12",
    )


def _environments() -> Finding:
    version = tuple(sys.version_info[:2])
    try:
        stale = [name for name in setup.EVERYDAY if not setup.is_made(name, version)]
    except setup.SetupError as error:
        return Finding(name="environments", well=False, sentence=str(error), remedy="Restore the checkout: git status")
    return Finding(
        name="environments",
        well=not stale,
        sentence=f"missing or out of date: {', '.join(stale)}" if stale else ", ".join(setup.EVERYDAY),
        remedy="Make them: make setup",
    )


def _model(settings: Settings) -> Finding:
    return Finding(
        name="model",
        well=(settings.model_dir / "model_index.json").is_file(),
        sentence=short_path(settings.model_dir),
        remedy="Let AFTERIMAGE_MODEL_DIR name a folder in diffusers' format, one with a model_index.json.",
    )


def _service(service: Service) -> Finding:
    where = f"{HOST}:{service.port}"
    again = f"Start again: {command('down')} && {command('up')}. Its log: {short_path(service.log)}"
    if cloud.is_running(service):
        if service.ready():
            return Finding(name=service.title, well=True, sentence=f"ready at {where}")
        return Finding(name=service.title, well=False, sentence=f"runs, but {where} does not answer", remedy=again)
    try:
        cloud.check_port(service)
    except cloud.CloudError:
        other = f"{service.port_variable}={service.port + 100} {command('up')}"
        return Finding(
            name=service.title,
            well=False,
            sentence=f"stopped, and another program has port {service.port}",
            remedy=f"Stop that program, or choose another port: {other}",
        )
    return Finding(name=service.title, well=False, sentence="stopped", remedy=f"Start it: {command('up')}")


def _stack(settings: Settings) -> Finding:
    from botocore.exceptions import BotoCoreError

    known = read_stack(settings)
    try:
        outputs = stack_outputs(settings) if known else None
    except BotoCoreError:
        outputs = None
    well = known is not None and outputs == known["outputs"]
    sentence = "deployed" if well else "not deployed" if known is None else "not the one that was deployed"
    return Finding(name="stack", well=well, sentence=sentence, remedy=f"Deploy it: {command('up')}")


def _health(api: Api) -> str:
    api.health()
    return f"answers at {api.stack.api_base}"


def _sign_in(api: Api) -> str:
    return f"accepted; {len(api.presets())} presets"


def _link(api: Api, mailbox: Mailbox | None) -> str:
    """Follow the newest mailed link that can be read here; else make sure that a made-up one is refused."""
    jobs = [parse_job(item) for item in api.jobs(20)["items"]]
    for job in (job for job in jobs if job.status == SUCCEEDED and job.pictures):
        mail = mailbox.about(job.job_id) if mailbox else None
        if mail and mail.links:
            status, answer = api.follow(mail.links[0])
            if status != 302 or answer.status_code != 200:
                raise CliError(f"the newest mailed link answered {status}, then {answer.status_code}")
            if hashlib.sha256(answer.content).hexdigest() != job.pictures[0].sha256:
                raise CliError("the newest mailed link leads to other bytes than those of its picture")
            return "the newest mailed link answers 302, then its picture"
    status, _ = api.follow(api.stack.api_base + _NO_SUCH_LINK)
    if status != 404:
        raise CliError(f"a made-up link answered {status} instead of 404")
    return "a made-up link is refused with 404; there is no mailed one to follow here yet"
