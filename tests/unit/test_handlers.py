"""The plumbing of every Lambda: imports ask nothing of the environment, settings ask for exactly what is named."""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints
from unittest import mock

import afterimage
import pytest
from afterimage import handlers, settings
from afterimage.adapters import aws
from afterimage.adapters.mail.ses import ONE_TRY
from afterimage.settings import SettingsError, read_settings
from botocore.config import Config
from fakes.template import template

ROOT = Path(__file__).parents[2]
NAMES = [module.name for module in pkgutil.iter_modules(handlers.__path__)]
SETTINGS = {
    name: getattr(settings, "".join(part.capitalize() for part in name.split("_")) + "Settings") for name in NAMES
}
AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
ODD = {"model_profile": "demo", "state_machine_arn": "arn:aws:states:eu-central-1:111122223333:stateMachine:m"}


def handler(name: str) -> ModuleType:
    return importlib.import_module(f"afterimage.handlers.{name}")


def variables(name: str) -> dict[str, str]:
    """Return a value for each variable that a handler's settings name."""
    hints = get_type_hints(SETTINGS[name])
    of_kind = {int: "60", float: "60", bool: "true"}
    return {
        field.name.upper(): ODD.get(field.name, of_kind.get(hints[field.name], f"a-{field.name}"))
        for field in dataclasses.fields(SETTINGS[name])
    }


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """Dependencies are kept per process; no test may see another's."""
    yield
    for name in NAMES:
        handler(name).dependencies.cache_clear()


class Watched(dict[str, str]):
    """An environment that remembers what was asked of it."""

    def __init__(self, values: dict[str, str]) -> None:
        super().__init__(values)
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> str:
        self.asked.add(key)
        return super().__getitem__(key)


@pytest.mark.parametrize("name", NAMES)
def test_dependencies_are_built_from_exactly_the_variables_that_its_settings_name(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(variables(name))
    monkeypatch.setattr(handler(name), "environment", lambda: watched)
    with mock.patch.dict(os.environ, AWS, clear=True):
        first = handler(name).dependencies()
        assert handler(name).dependencies() is first
    assert watched.asked == set(variables(name))


@pytest.mark.parametrize("name", NAMES)
def test_every_missing_variable_is_listed_at_once(name: str) -> None:
    with mock.patch.dict(os.environ, AWS, clear=True), pytest.raises(SettingsError) as caught:
        handler(name).dependencies()
    assert str(caught.value).startswith(f"{SETTINGS[name].__name__} needs")
    listed = str(caught.value).partition(": ")[2].split(", ")
    assert listed == sorted(variables(name))


@pytest.mark.parametrize("name", NAMES)
def test_the_template_sets_exactly_the_variables_that_are_read(name: str) -> None:
    function = next(
        resource["Properties"]
        for resource in template()["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
        and resource["Properties"]["Handler"] == f"afterimage.handlers.{name}.lambda_handler"
    )
    ours = {key for key in function["Environment"]["Variables"] if not key.startswith(("AWS_", "POWERTOOLS_"))}
    assert ours == set(variables(name))


def test_every_handler_is_a_function_of_the_template_and_the_other_way_round() -> None:
    resources = template()["Resources"]
    deployed = {
        resource["Properties"]["Handler"].split(".")[2]: logical
        for logical, resource in resources.items()
        if resource["Type"] == "AWS::Serverless::Function" and "CodeUri" not in resource["Properties"]
    }
    assert set(deployed) == set(NAMES)
    for name, logical in deployed.items():
        assert logical == "".join(part.capitalize() for part in name.split("_")) + "Function"


@pytest.mark.parametrize("name", NAMES)
def test_every_handler_has_an_entry_point_for_lambda(name: str) -> None:
    assert callable(handler(name).lambda_handler)
    assert callable(handler(name).handle)


def test_a_mail_is_tried_once_and_every_other_call_at_most_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler("notify_requester"), "environment", lambda: variables("notify_requester"))
    with mock.patch.dict(os.environ, AWS, clear=True):
        post = handler("notify_requester").dependencies()
    assert post.mailer._client.meta.config.retries["total_max_attempts"] == 1
    assert post.mailer._client.meta.config.connect_timeout == 2  # what the mail's own settings do not say stays
    for other in (post.jobs, post.links, post.gallery):
        assert other._client.meta.config.retries["total_max_attempts"] == 2


@pytest.mark.parametrize("config", [None, ONE_TRY], ids=["ordinary", "one try"])
def test_a_call_that_nobody_answers_ends_before_any_function_does(config: Config | None) -> None:
    shortest_s = min(
        resource["Properties"].get("Timeout", template()["Globals"]["Function"]["Timeout"])
        for resource in template()["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    )
    with mock.patch.dict(os.environ, AWS, clear=True):
        built = aws.client("sesv2", config).meta.config
    assert built.retries["total_max_attempts"] * (built.connect_timeout + built.read_timeout) < shortest_s


@pytest.mark.parametrize("value", ["", "x", "1.5", "-1", " 5"])
def test_a_number_that_is_none_is_listed_like_a_missing_one(value: str) -> None:
    given = variables("start_generation") | {"REQUEST_TTL_SECONDS": value}
    with pytest.raises(SettingsError, match=r": REQUEST_TTL_SECONDS$"):
        read_settings(settings.StartGenerationSettings, given)


def test_no_settings_error_repeats_a_value() -> None:
    given = variables("start_generation") | {"REQUEST_TTL_SECONDS": "secret"}
    with pytest.raises(SettingsError) as caught:
        read_settings(settings.StartGenerationSettings, given)
    assert "secret" not in str(caught.value)


def test_settings_are_frozen() -> None:
    built = read_settings(settings.PublicLinkSettings, variables("public_link"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        built.table_name = "another"  # type: ignore[misc]


def test_every_module_can_be_imported_with_an_empty_environment() -> None:
    """In a process of its own, because here they are imported already."""
    modules = [module.name for module in pkgutil.walk_packages(afterimage.__path__, "afterimage.")]
    assert len(modules) > 40
    code = (
        "import importlib, os, sys; os.environ.clear(); "
        f"sys.path.insert(0, {str(ROOT / 'functions')!r}); "
        f"[importlib.import_module(name) for name in {modules!r}]; print(dict(os.environ))"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, env={})
    assert (done.returncode, done.stdout.strip()) == (0, "{}"), done.stderr


def test_the_description_of_the_api_is_current() -> None:
    from afterimage import describe_api

    shipped = json.loads(describe_api.FILE.read_text(encoding="utf-8"))
    assert json.loads(describe_api.describe()) == shipped


@pytest.mark.filterwarnings("ignore:No application metrics")
def test_missing_variables_are_named_where_an_operator_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TABLE_NAME", raising=False)
    event = json.loads((ROOT / "events" / "state_record_failure.json").read_text(encoding="utf-8"))
    with pytest.raises(SettingsError, match="TABLE_NAME"):
        handler("record_failure").lambda_handler(event, mock.MagicMock())


@pytest.mark.parametrize("text", ["", "free", "-1", "1,4", "nan", "1e9"])
def test_a_price_is_a_plain_number(text: str) -> None:
    with pytest.raises(SettingsError, match=r": INSTANCE_DOLLARS_PER_HOUR$"):
        read_settings(settings.RequestsApiSettings, variables("requests_api") | {"INSTANCE_DOLLARS_PER_HOUR": text})
