"""`make check`: every static check, two at a time, with the output of those that fail.

Run as `python -m local.check [NAME ...]`. The exit status is 1 when any check fails. A check that asks
somebody on the network and gets no answer is shown as unknown: neither passed nor failed.
"""

from __future__ import annotations

import concurrent.futures
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from local.environment import clean_environment
from local.known_vulnerabilities import NOBODY_ANSWERED
from local.settings import Settings

# Each writes a file that is kept in the repository; with --check it fails when the file is not what it would write.
GENERATORS = (("-m", "afterimage.describe_api", "--check"),)
# What looks like a secret and is none, as whole values: nothing is let through by its file.
NOT_SECRET = (
    "testing|real|real-secret|second|AKIAREALACCOUNT00000",  # what tests call one
    "a1b2c3d4e5|afterimage-NotifyRequesterFunctionRole-EXAMPLE.*|MailConfiguration-Xk3p\\w{8}.*",  # made up by AWS
    "(/[iu]/)?BwgJCgsM[a-zA-Z0-9]{35}|.*(ExampleTaskToken0123456789abcdef)+.*",  # a link's and a task's token
    "6f1ed002[0-9a-f]{56}|b5d4045c[0-9a-f]{56}|53995c3f[0-9a-f]{8}",  # digests of pictures, and a segment, in examples
    "03d66dd0[0-9a-f]{56}|(e43c1202|fd137e37|22bde3bc|9b219360)[0-9a-f]{56}",  # of a certificate, of sealed pictures
    "GetSecretValue|afterimage-signing-key|none|CANARY|arn:aws:.*:secret:signing-key-AbCdEf",  # about a secret
    "[a-z0-9]*(abcdefghjk|ghiabeik|etaoinshrdlu)[a-z]*",  # alphabets: of job ids, of letters alike, by frequency
)
SECRETS = (
    *("--exclude-secrets", f"^({'|'.join(NOT_SECRET)})$"),
    *("--exclude-lines", "GenerateSecret: |Aa1-|PRIVATE KEY-----…"),
)


@dataclass(frozen=True, kw_only=True)
class Check:
    """One command. It passes with exit status 0, and with NOBODY_ANSWERED it knows nothing."""

    name: str
    argv: list[str]
    environment: dict[str, str] = field(default_factory=dict)


def checks(settings: Settings) -> list[Check]:
    """All checks, the slow ones first."""
    root = settings.root
    dev = settings.environments / "dev" / "bin"
    template = str(root / "template.yaml")
    machines = sorted(str(path) for path in (root / "statemachine").glob("*.asl.json"))
    sources = {
        "PYTHONPATH": os.pathsep.join((str(root / "functions"), str(root / "imaging"), str(root / "model"), str(root)))
    }
    return [
        Check(name="types", argv=[str(dev / "mypy")], environment=sources),
        Check(
            name="sam validate --lint",
            argv=[
                str(settings.environments / "sam" / "bin" / "sam"),
                "validate",
                "--lint",
                "--template-file",
                template,
            ],
        ),
        Check(name="cfn-lint", argv=[str(dev / "cfn-lint"), template]),
        Check(name="lint", argv=[str(dev / "ruff"), "check", "."]),
        Check(name="format", argv=[str(dev / "ruff"), "format", "--check", "."]),
        Check(name="imports run one way", argv=[str(dev / "lint-imports")], environment=sources),
        *(
            Check(
                name=f"statelint {Path(machine).name}",
                argv=[str(dev / "python"), "-m", "local.lint_machine", machine],
                environment=sources,
            )
            for machine in machines
        ),
        *(
            Check(name=f"generated: {' '.join(command)}", argv=[str(dev / "python"), *command], environment=sources)
            for command in GENERATORS
        ),
        *security_checks(settings),
    ]


def security_checks(settings: Settings) -> list[Check]:
    """Checks by tools that look for weaknesses; why these and with which exceptions, see docs/decisions/0011."""
    audit = settings.environments / "audit" / "bin"
    checkov = settings.environments / "checkov" / "bin" / "checkov"
    bandit = [
        "--quiet",
        "--configfile",
        "pyproject.toml",
        "--recursive",
        "functions",
        "imaging",
        "cli",
        "local",
        "model",
    ]
    return [
        Check(name="checkov", argv=[str(checkov), "--config-file", "tests/security/checkov.yaml"]),
        Check(
            name="known vulnerabilities",
            argv=[str(settings.python("dev")), "-m", "local.known_vulnerabilities"],
            environment={"PYTHONPATH": str(settings.root)},
        ),
        Check(
            name="bills of materials",
            argv=[str(settings.python("dev")), "-m", "local.sbom", "--check"],
            environment={"PYTHONPATH": str(settings.root)},
        ),
        Check(name="bandit", argv=[str(audit / "bandit"), *bandit]),
        Check(name="Dockerfile", argv=[str(audit / "hadolint"), "--no-color", "model/Dockerfile"]),
        Check(name="zizmor", argv=[str(audit / "zizmor"), "--offline", "--quiet", ".github/workflows"]),
        Check(name="secrets", argv=[str(audit / "detect-secrets-hook"), *SECRETS, *_tracked(settings.root)]),
    ]


def _tracked(root: Path) -> list[str]:
    """Files that git knows, without the lists of hashes and pictures; all of them where there is no git."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        names = [name for name in done.stdout.split("\0") if (root / name).is_file()]
    else:
        hidden = (".afterimage", ".git", ".aws-sam")
        relative = [path.relative_to(root) for path in root.rglob("*") if path.is_file()]
        names = [str(path) for path in relative if path.parts[0] not in hidden]
    return [name for name in names if not name.endswith((".txt", ".png", ".safetensors"))]


def run(check: Check, settings: Settings) -> tuple[int, float, str]:
    """Run one check; return its exit status, its seconds and its output."""
    began = time.monotonic()
    done = subprocess.run(
        check.argv,
        env=clean_environment(settings) | check.environment,
        cwd=settings.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, time.monotonic() - began, done.stdout


def main(names: list[str]) -> int:
    settings = Settings.from_environment()
    wanted = [check for check in checks(settings) if not names or check.name in names]
    if len(wanted) < len(names):
        print(f"There are: {', '.join(check.name for check in checks(settings))}.", file=sys.stderr)
        return 2
    failed: list[str] = []
    unknown: list[str] = []
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        futures = {pool.submit(run, check, settings): check for check in wanted}
        for future in concurrent.futures.as_completed(futures):
            name = futures[future].name
            status, seconds, output = future.result()
            word = {0: "ok     ", NOBODY_ANSWERED: "unknown"}.get(status, "FAILED ")
            print(f"{word} {name} ({seconds:.1f} s)", flush=True)
            if status:
                (unknown if status == NOBODY_ANSWERED else failed).append(name)
                print("\n".join(f"        {line}" for line in output.splitlines()), flush=True)
    print(f"{len(wanted) - len(failed) - len(unknown)} of {len(wanted)} checks passed.")
    if unknown:
        print(f"Nobody answered: {', '.join(unknown)}.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
