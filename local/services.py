"""The four processes of the local cloud: how each is started and how it shows that it is ready."""

from __future__ import annotations

import http.client
import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from local.digest import digest_of, stamps_of
from local.environment import ROOT_KEY, clean_environment, role_environment, root_environment
from local.settings import HOST, PORT_VARIABLES, REGION, Settings

# One warm process per function lives for the whole run, and a burst does not start hundreds of Python processes.
LAMBDA_CONCURRENCY = "16"
WARM_SECONDS = "86400"


@dataclass(frozen=True, kw_only=True)
class Service:
    """One process. `ready` is asked until it says yes or `patience_s` is over."""

    name: str
    title: str
    port: int
    argv: list[str]
    environment: dict[str, str]
    cwd: Path
    ready: Callable[[], bool]
    patience_s: float
    stop_s: float  # how long it may take to end by itself
    log: Path
    pid_file: Path
    sources: tuple[Path, ...] = ()
    weights: Path | None = None

    def fingerprint(self) -> str:
        """What the process is made from: where this has changed, `up` starts the process anew."""
        inherited = os.environ.items()
        own = [f"{name}={value}" for name, value in sorted(self.environment.items()) if (name, value) not in inherited]
        return digest_of(self.sources, *self.argv, *own, stamps_of(self.weights) if self.weights else "")

    @property
    def port_variable(self) -> str:
        return PORT_VARIABLES[self.name][0]


def services(settings: Settings) -> list[Service]:
    """All processes in the order in which they are started."""
    token = credentials_token(settings)
    return [_emulator(settings), _mail(settings), _runtime(settings, token), _model(settings, token)]


def credentials_token(settings: Settings) -> str:
    """The secret by which the model server gets the role's credentials; made once and readable by the person alone."""
    return kept_secret(settings.state / "credentials_token")


def kept_secret(path: Path, prefix: str = "") -> str:
    """Return the secret in `path`, which is made on the first call with mode 600 and begins with `prefix`."""
    try:
        return path.read_text()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text()
    with os.fdopen(handle, "w") as file:
        secret = prefix + secrets.token_urlsafe(24)
        file.write(secret)
    return secret


def _emulator(settings: Settings) -> Service:
    scratch = settings.run / "tmp"
    environment = clean_environment(settings) | {
        "AUTH": "true",  # every role's policies are enforced
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(settings.emulator_port),
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
        "SMTP_HOST": f"{HOST}:{settings.mail_port}",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",
        "LAMBDA_ACCOUNT_CONCURRENCY": LAMBDA_CONCURRENCY,
        "LAMBDA_WARM_TTL_SECONDS": WARM_SECONDS,
        "LOG_LEVEL": "INFO",
        "TMPDIR": str(scratch),
        "STATE_DIR": str(scratch / "state"),
        "S3_DATA_DIR": str(scratch / "s3"),
    }
    return _service(
        settings,
        "emulator",
        "AWS emulator",
        settings.emulator_port,
        # By its path: with -m the checkout would be on the emulator's path, and -P keeps the functions' away from it.
        [str(settings.python("cloud")), "-P", str(settings.root / "local" / "emulator.py")],
        environment,
        ready=lambda: _answers(settings.emulator_port, "/_ministack/health"),
        cwd=scratch,
        stop_s=1.0,  # it waits for what runs, though all it holds is in memory and ends with it
        sources=("local/emulator.py", "requirements/cloud.txt"),
    )


def _mail(settings: Settings) -> Service:
    argv = [str(settings.python("cloud")), "-m", "local.mail_sink"]
    argv += ["--host", HOST, "--port", str(settings.mail_port), "--folder", str(settings.mail)]
    return _service(
        settings,
        "mail",
        "mail sink",
        settings.mail_port,
        argv,
        clean_environment(settings),
        ready=lambda: _greets(settings.mail_port),
        sources=("local/mail_sink.py", "requirements/cloud.txt"),
    )


def _runtime(settings: Settings, token: str) -> Service:
    argv = [str(settings.python("cloud")), "-m", "local.sagemaker_runtime"]
    argv += ["--host", HOST, "--port", str(settings.runtime_port), "--emulator", settings.emulator_url]
    argv += ["--region", REGION]
    environment = root_environment(settings) | {"AFTERIMAGE_CREDENTIALS_TOKEN": token}
    return _service(
        settings,
        "runtime",
        "SageMaker runtime",
        settings.runtime_port,
        argv,
        environment,
        ready=lambda: _answers(settings.runtime_port, "/_health"),
        sources=("local/sagemaker_runtime", "requirements/cloud.txt"),
    )


def _model(settings: Settings, token: str) -> Service:
    argv = [str(settings.python("model")), "-m", "afterimage_model.serve"]
    argv += ["--host", HOST, "--port", str(settings.model_port), "--model-dir", str(settings.model_dir)]
    threads = os.environ.get("AFTERIMAGE_THREADS", "2")
    # The server starts before the stack has a bucket; on AWS it is the folder of the same name there.
    argv += ["--threads", threads, "--adapters", str(settings.adapters)]
    environment = role_environment(settings, token) | {
        "PYTHONPATH": os.pathsep.join(str(settings.root / folder) for folder in ("functions", "model")),
        # A fixed number: the pictures of a seed are equal bit for bit only with as many threads.
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "OMP_WAIT_POLICY": "PASSIVE",  # threads that spin while they wait starve everything else on a laptop
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(settings.run / "tmp" / "huggingface"),
    }
    return _service(
        settings,
        "model",
        "model server",
        settings.model_port,
        argv,
        environment,
        ready=lambda: _answers(settings.model_port, "/ping"),
        patience_s=180.0,
        sources=("model/afterimage_model", "functions/afterimage/contracts", "model/requirements.txt"),
        weights=settings.model_dir,
    )


def _service(
    settings: Settings,
    name: str,
    title: str,
    port: int,
    argv: list[str],
    environment: dict[str, str],
    *,
    ready: Callable[[], bool],
    patience_s: float = 60.0,
    stop_s: float = 10.0,
    cwd: Path | None = None,
    sources: tuple[str, ...] = (),
    weights: Path | None = None,
) -> Service:
    return Service(
        name=name,
        title=title,
        port=port,
        argv=argv,
        environment=environment,
        ready=ready,
        patience_s=patience_s,
        stop_s=stop_s,
        cwd=cwd or settings.root,
        log=settings.logs / f"{name}.log",
        pid_file=settings.run / f"{name}.json",
        sources=tuple(settings.root / source for source in sources),
        weights=weights,
    )


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _greets(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=2) as connection:
            return connection.recv(3) == b"220"
    except OSError:
        return False
