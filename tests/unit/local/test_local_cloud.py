"""What a person reads when the local cloud cannot start."""

import dataclasses
import os
import smtplib
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import cloud, processes
from local.services import Service, kept_secret, services
from local.settings import Settings, SettingsError


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment({"AFTERIMAGE_STATE": str(tmp_path)})


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def service(settings: Settings, name: str, **changes: object) -> Service:
    found = next(one for one in services(settings) if one.name == name)
    return dataclasses.replace(found, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("emulator", "AFTERIMAGE_PORT"),
        ("runtime", "AFTERIMAGE_RUNTIME_PORT"),
        ("model", "AFTERIMAGE_MODEL_PORT"),
        ("mail", "AFTERIMAGE_SMTP_PORT"),
    ],
)
def test_a_taken_port_is_named_with_the_variable_that_moves_it(
    settings: Settings, taken_port: int, name: str, variable: str
) -> None:
    with pytest.raises(cloud.CloudError) as caught:
        cloud.check_port(service(settings, name, port=taken_port))
    assert f"Port {taken_port} " in str(caught.value)
    assert f"{variable}=" in str(caught.value)


def test_a_free_port_is_accepted(settings: Settings, taken_port: int) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    cloud.check_port(service(settings, "mail", port=free))


def test_nothing_is_started_when_one_port_is_taken(tmp_path: Path, taken_port: int) -> None:
    (tmp_path / "model_index.json").touch()
    settings = Settings.from_environment(
        {"AFTERIMAGE_STATE": str(tmp_path), "AFTERIMAGE_MODEL_DIR": str(tmp_path), "AFTERIMAGE_PORT": str(taken_port)}
    )
    with pytest.raises(cloud.CloudError, match=r"AFTERIMAGE_PORT="):
        cloud.start_missing(settings)
    assert list(settings.run.glob("*.json")) == []


def test_a_missing_model_is_named_before_anything_starts(tmp_path: Path) -> None:
    environment = {"AFTERIMAGE_STATE": str(tmp_path), "AFTERIMAGE_MODEL_DIR": str(tmp_path / "nowhere")}
    with pytest.raises(cloud.CloudError, match=r"no model in .*nowhere.*AFTERIMAGE_MODEL_DIR"):
        cloud.start_missing(Settings.from_environment(environment))


def started(settings: Settings, code: str, patience_s: float) -> Service:
    one = service(settings, "mail", argv=[sys.executable, "-c", code], ready=lambda: False, patience_s=patience_s)
    processes.start(one.argv, environment=dict(os.environ), cwd=one.cwd, log=one.log, pid_file=one.pid_file)
    return one


def test_a_start_that_fails_shows_the_end_of_its_log_and_where_the_rest_is(settings: Settings) -> None:
    one = started(settings, "raise SystemExit('no disk left')", 10)
    with pytest.raises(cloud.CloudError) as caught:
        cloud.wait_ready(one)
    assert "ended while it started" in str(caught.value)
    assert "    no disk left" in str(caught.value)
    assert str(one.log) in str(caught.value)


def test_a_service_that_stays_silent_is_given_up_after_its_patience(settings: Settings) -> None:
    one = started(settings, "import time; time.sleep(60)", 0.3)
    try:
        with pytest.raises(cloud.CloudError, match="did not answer within 0 s"):
            cloud.wait_ready(one)
    finally:
        processes.stop(one.pid_file)


@pytest.mark.parametrize("value", ["none", "0", "70000", "-1", "4566.0"])
def test_a_port_that_is_no_port_is_named(value: str) -> None:
    with pytest.raises(SettingsError, match="AFTERIMAGE_SMTP_PORT"):
        Settings.from_environment({"AFTERIMAGE_SMTP_PORT": value})


def test_two_services_cannot_share_a_port() -> None:
    with pytest.raises(SettingsError, match="must differ"):
        Settings.from_environment({"AFTERIMAGE_PORT": "4567"})


def test_a_secret_is_made_once_and_readable_by_the_person_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "secret"
    secret = kept_secret(path, prefix="Aa1-")
    assert secret.startswith("Aa1-")
    assert len(secret) >= 36
    assert kept_secret(path, prefix="Aa1-") == secret
    assert path.stat().st_mode & 0o777 == 0o600


def test_every_server_is_told_to_listen_on_the_loopback_alone(settings: Settings) -> None:
    for one in services(settings):
        told = one.environment.get("BIND_HOST") or one.argv[one.argv.index("--host") + 1]
        assert told == "127.0.0.1", one.name


def test_the_emulator_enforces_policies_and_opens_no_other_port(settings: Settings) -> None:
    environment = service(settings, "emulator").environment
    assert environment["AUTH"] == "true"
    assert (environment["IOT_MTLS_ENABLED"], environment["SFTP_ENABLED"]) == ("0", "0")


def test_only_the_model_server_reads_our_code_by_path(settings: Settings) -> None:
    # A function must find nothing but its own zip: the emulator's environment becomes the functions' environment.
    assert [one.name for one in services(settings) if "PYTHONPATH" in one.environment] == ["model"]


def test_a_service_is_current_until_its_settings_code_or_weights_change(settings: Settings, tmp_path: Path) -> None:
    code, weights = tmp_path / "code.py", tmp_path / "weights"
    code.write_text("one")
    weights.mkdir()
    one = service(
        settings,
        "mail",
        argv=[sys.executable, "-c", "import time; time.sleep(60)"],
        environment={**os.environ, "COLOUR": "red"},
        sources=(code,),
        weights=weights,
    )
    made_from = one.fingerprint()
    processes.start(
        one.argv, environment=one.environment, cwd=one.cwd, log=one.log, pid_file=one.pid_file, made_from=made_from
    )
    try:
        assert cloud.is_current(one)
        assert not cloud.is_current(dataclasses.replace(one, argv=[*one.argv, "--verbose"]))
        assert not cloud.is_current(dataclasses.replace(one, environment={**one.environment, "COLOUR": "blue"}))
        (weights / "unet.safetensors").write_bytes(b"trained")
        assert not cloud.is_current(one)
        (weights / "unet.safetensors").unlink()
        code.write_text("two")
        assert not cloud.is_current(one)
    finally:
        processes.stop(one.pid_file)


def test_mail_is_kept_as_files_in_the_order_of_arrival(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings.from_environment({"AFTERIMAGE_STATE": str(tmp_path), "AFTERIMAGE_SMTP_PORT": str(port)})
    one = service(settings, "mail")
    processes.start(one.argv, environment=one.environment, cwd=one.cwd, log=one.log, pid_file=one.pid_file)
    try:
        cloud.wait_ready(one)
        for number in range(3):
            with smtplib.SMTP("127.0.0.1", port, timeout=10) as connection:
                connection.sendmail(
                    "a@b.example", ["c@d.example"], f"Subject: mail {number}\r\n\r\n.dot\r\nKöln".encode()
                )
    finally:
        processes.stop(one.pid_file)
    paths = sorted(settings.mail.iterdir())
    assert [path.suffix for path in paths] == [".eml"] * 3
    assert [path.read_bytes().split(b"\r\n")[0] for path in paths] == [
        b"Subject: mail %d" % number for number in range(3)
    ]
    assert paths[0].read_bytes().endswith("\r\n.dot\r\nKöln\r\n".encode())
