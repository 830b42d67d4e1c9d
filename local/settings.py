"""Where the local cloud lives: its folders and ports, read once from the environment."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REGION = "us-east-1"
ACCOUNT = "000000000000"
STACK_NAME = "afterimage"
ARTIFACT_BUCKET = "afterimage-artifacts"
# The emulator takes the id of an HTTP API from this tag, so that the address in a mail is known before deployment.
API_ID = "a17e1a6e"
API_ID_TAG = "ms-custom-id"
# The state machine needs an endpoint's name; locally the stand-in of the SageMaker runtime answers to it.
ENDPOINT_NAME = "afterimage-local"
HOST = "127.0.0.1"

PORT_VARIABLES = {
    "emulator": ("AFTERIMAGE_PORT", 4566),
    "runtime": ("AFTERIMAGE_RUNTIME_PORT", 4567),
    "model": ("AFTERIMAGE_MODEL_PORT", 4568),
    "mail": ("AFTERIMAGE_SMTP_PORT", 4525),
}


class SettingsError(ValueError):
    """Raised when an environment variable cannot be understood; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One local cloud. Two of them run side by side when folder and ports differ."""

    folder: Path
    emulator_port: int
    runtime_port: int
    model_port: int
    mail_port: int
    model_dir: Path
    root: Path = ROOT

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read AFTERIMAGE_STATE, AFTERIMAGE_MODEL_DIR and the four ports. Raises SettingsError."""
        environ = os.environ if environ is None else environ
        ports = {name: _port(environ, name) for name in PORT_VARIABLES}
        if len(set(ports.values())) < len(ports):
            names = ", ".join(variable for variable, _ in PORT_VARIABLES.values())
            raise SettingsError(f"The ports of the local cloud must differ from each other ({names}).")
        return cls(
            folder=Path(environ.get("AFTERIMAGE_STATE") or ROOT / ".afterimage").resolve(),
            model_dir=Path(environ.get("AFTERIMAGE_MODEL_DIR") or ROOT / "model" / "demo" / "weights").resolve(),
            emulator_port=ports["emulator"],
            runtime_port=ports["runtime"],
            model_port=ports["model"],
            mail_port=ports["mail"],
        )

    @property
    def environments(self) -> Path:
        """Virtual environments are shared by all local clouds of a checkout."""
        return self.root / ".afterimage" / "env"

    @property
    def build(self) -> Path:
        """What `sam build` made; shared as well, because it depends on the sources alone."""
        return self.root / ".afterimage" / "build"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def mail(self) -> Path:
        return self.folder / "mail"

    @property
    def adapters(self) -> Path:
        """LoRA files that requests may name, each as NAME.safetensors."""
        return self.folder / "adapters"

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def emulator_url(self) -> str:
        return f"http://{HOST}:{self.emulator_port}"

    @property
    def runtime_url(self) -> str:
        return f"http://{HOST}:{self.runtime_port}"

    @property
    def model_url(self) -> str:
        return f"http://{HOST}:{self.model_port}"

    @property
    def api_base(self) -> str:
        """The path form, which needs no name resolution; the same for page, mails and command line."""
        return f"http://localhost:{self.emulator_port}/_aws/execute-api/{API_ID}/$default"

    def python(self, environment: str) -> Path:
        return self.environments / environment / "bin" / "python"


def _port(environ: Mapping[str, str], name: str) -> int:
    variable, default = PORT_VARIABLES[name]
    text = environ.get(variable) or str(default)
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise SettingsError(f"{variable} must be a port between 1 and 65535, not {text!r}.")
    return int(text)


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody listens on, for a cloud beside a person's own.

    All are held at once, so that they differ; another program could still take one before the cloud does.
    """
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
