"""`afterimage model`: can a model of one's own be served, where does a stack read it, how fast is it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from cli.commands.cloud import say
from cli.errors import FAILURE, CliError
from cli.job_view import facts as fact_lines
from cli.models import folder as folders
from cli.models import publish as publishing
from cli.models.folder import Report
from cli.models.stack import Change, destination, perform, plan_change, read_parameters
from cli.options import AsJson, Profile, Region, StackName
from cli.stacks import Choice, local_settings
from cli.terminal import BAD, GOOD, SOFT, WARN, emit_json, output, printable, short_path
from local.environment import clean_environment
from local.settings import ARTIFACT_BUCKET, Settings

app = typer.Typer(help="A model of your own: check it, publish it, measure it.", no_args_is_help=True)
Model = Annotated[
    str, typer.Argument(metavar="FOLDER|HUB_ID", help="A folder in diffusers' format, or OWNER/NAME of the hub.")
]
Revision = Annotated[str | None, typer.Option("--revision", help="A commit, tag or branch of the hub model.")]
Trial = Annotated[bool, typer.Option("--trial/--no-trial", help="Load it and make its smallest picture in two steps.")]
Threads = Annotated[int | None, typer.Option("--threads", min=1, help="Processor threads for the trial or the bench.")]


@app.command()
def check(
    model: Model,
    trial: Trial = True,
    picture: Annotated[Path | None, typer.Option("--picture", help="Keep the trial picture here.")] = None,
    threads: Threads = None,
    revision: Revision = None,
    as_json: AsJson = False,
) -> None:
    """Say whether a model can be served, and what is in the way. Ends with exit code 1 when it cannot."""
    settings = local_settings()
    folder, commit = folders.resolve(settings, model, revision)
    report = folders.check(settings, folder, *_trial_options(trial, threads, picture))
    if as_json:
        emit_json({"well": report.well, "findings": report.findings, "facts": report.facts | {"hub_commit": commit}})
    else:
        _show(report, folder)
    if not report.well:
        raise typer.Exit(FAILURE)


@app.command()
def publish(
    model: Model,
    to: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="S3", help="Where models go, s3://bucket/models/; left out, beside the stack's present one."
        ),
    ] = None,
    point: Annotated[bool, typer.Option("--point/--no-point", help="Let the stack's endpoint serve it.")] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check, say what would be done, and do none of it.")
    ] = False,
    model_profile: Annotated[
        str | None, typer.Option("--model-profile", help="Also change the stack's ModelProfile: demo, sd15 or sdxl.")
    ] = None,
    trial: Trial = True,
    threads: Threads = None,
    revision: Revision = None,
    as_json: AsJson = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Check a model, upload it with digests to an S3 prefix of its own, and point the stack's endpoint at it."""
    choice, settings = Choice(stack=stack, profile=profile, region=region), local_settings()
    cloudformation, parameters = _stack_of(choice) if point and not choice.is_local else (None, {})
    folder, commit = folders.resolve(settings, model, revision)
    report = folders.check(settings, folder, "--digests", *_trial_options(trial, threads, None))
    if not report.well:
        _show(report, folder)
        raise CliError("The model cannot be served, so it is not published.")
    files = report.facts["files"]
    to = to or (f"s3://{ARTIFACT_BUCKET}/models/" if choice.is_local else None)
    bucket, prefix = destination(to, parameters, folder.name, publishing.content_digest(files))
    address = f"s3://{bucket}/{prefix}"
    change = (
        plan_change(str(stack), parameters, address, report.facts["family"], model_profile) if cloudformation else None
    )
    sent: list[str] = []
    if not dry_run:
        sent = _upload(settings, folder, files, (bucket, prefix), commit, choice, quiet=as_json)
        if change is not None:
            _perform(cloudformation, change, parameters)
    if as_json:
        document = {"prefix": address, "dry_run": dry_run, "files": len(files), "sent": len(sent)}
        emit_json(document | {"size_bytes": report.facts["size_bytes"], "change": change and change.parameters})
        return
    _tell(address, change, report, folder, dry_run=dry_run, is_local=choice.is_local)


@app.command()
def bench(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder in diffusers' format.", file_okay=False)],
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Turns of what is compared.")] = 3,
    threads: Threads = None,
    out: Annotated[Path | None, typer.Option("--out", help="Where the numbers are kept as JSON.")] = None,
) -> None:
    """Measure the server with a model against plain diffusers on this machine; nothing else should be running."""
    settings = local_settings()
    argv = [str(folders.model_python(settings)), "-m", "bench.model", "--model-dir", str(folder.resolve())]
    argv += ["--rounds", str(rounds)]
    argv += ["--threads", str(threads)] if threads else []
    argv += ["--out", str(out.resolve())] if out else []
    environment = clean_environment(settings) | {"PYTHONPATH": str(settings.root)}
    done = subprocess.run(argv, cwd=settings.root, env=environment, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise CliError(
            "The bench did not come to its end.", "afterimage model check says whether the model is at fault."
        )


def _trial_options(trial: bool, threads: int | None, picture: Path | None) -> list[str]:
    options = [] if trial else ["--no-trial"]
    options += ["--threads", str(threads)] if threads else []
    return options + (["--picture", str(picture.resolve())] if picture else [])


def _stack_of(choice: Choice) -> tuple[Any, dict[str, str]]:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        session = boto3.Session(profile_name=choice.profile, region_name=choice.region)
        client = session.client("cloudformation")
        return client, read_parameters(client, str(choice.stack))
    except (BotoCoreError, ClientError) as exc:
        raise CliError(f"CloudFormation does not show the stack {choice.stack}: {exc}") from exc


def _perform(cloudformation: Any, change: Change, parameters: dict[str, str]) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        perform(cloudformation, change, parameters)
    except (BotoCoreError, ClientError) as exc:
        hint = "The model is uploaded; the same command again goes on from there."
        raise CliError(f"The stack {change.stack} was not changed: {exc}", hint) from exc


def _upload(
    settings: Settings,
    folder: Path,
    files: dict[str, dict[str, Any]],
    where: tuple[str, str],
    commit: str | None,
    choice: Choice,
    *,
    quiet: bool,
) -> list[str]:
    sent: list[str] = []

    def heard(line: dict[str, Any]) -> None:
        if "sent" in line:
            sent.append(line["sent"])
        if not quiet and "error" not in line:
            name = line.get("sent") or line.get("kept")
            output().print(Text(f"  {'sent' if 'sent' in line else 'kept'}  {name}", style=SOFT), soft_wrap=True)

    python = publishing.make_environment(settings, (lambda text: None) if quiet else say)
    publishing.upload(
        python,
        settings,
        folder,
        files,
        where,
        commit=commit,
        profile=choice.profile,
        region=choice.region,
        environment=publishing.environment_of(settings, is_local=choice.is_local),
        heard=heard,
    )
    return sent


def _tell(address: str, change: Change | None, report: Report, folder: Path, *, dry_run: bool, is_local: bool) -> None:
    size = report.facts["size_bytes"] / 2**20
    verb = "would go to" if dry_run else "is at"
    say(f"{report.facts['file_count']} files, {size:.1f} MiB: the model {verb} {address}")
    if is_local:
        say(f"The local cloud's server reads a folder: AFTERIMAGE_MODEL_DIR={short_path(folder)} with `up`.")
    elif change is None:
        say(f"A stack takes it with the parameter ModelDataPrefix={address}")
    elif not change.parameters:
        say(f"The stack {change.stack} serves it already.")
    else:
        for name, (before, after) in change.parameters.items():
            say(f"{'would change' if dry_run else 'changed'}  {name}: {before} → {after}")
        if not dry_run:
            say(f"CloudFormation moves the endpoint over, some ten minutes: afterimage doctor --stack {change.stack}")


def _show(report: Report, folder: Path) -> None:
    console = output()
    for finding in report.findings:
        mark = ("! ", WARN) if finding["warning"] else ("✗ ", f"bold {BAD}")
        line = Text.assemble(mark, printable(finding["sentence"]), (f" ({finding['code']})", SOFT))
        console.print(line, soft_wrap=True)
    if not report.well:
        return
    told = report.facts
    rows = [
        ("model", Text.assemble(("✓ ", GOOD), short_path(folder))),
        ("pipeline", Text(f"{told['pipeline']}, ModelProfile {told['family']}")),
        ("files", Text(f"{told['file_count']}, {told['size_bytes'] / 2**20:.1f} MiB")),
    ]
    if trial := told.get("trial"):
        size = f"{trial['width']}×{trial['height']}, {trial['steps']} steps on {trial['device']}"
        rows.append(("trial", Text(f"{size}, {trial['seconds']:g} s with imports and loading")))
    console.print(fact_lines(rows), soft_wrap=True)
