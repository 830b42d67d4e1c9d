"""`afterimage login`: who is signed in, and how the password gets there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from typer.testing import Result

Run = Callable[..., Result]


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Names and passwords with which a sign-in was tried."""
    tried: list[tuple[str, str]] = []

    class Session:
        def __init__(self, stack: object) -> None:
            pass

        def sign_in(self, username: str, password: str, new_password: Callable[[], str]) -> None:
            tried.append((username, password))

        def sign_in_demo_user(self) -> str:
            tried.append(("demo", ""))
            return "demo@afterimage.example"

    monkeypatch.setattr("cli.commands.login.Session", Session)
    return tried


def test_on_the_local_cloud_the_demo_user_is_taken(run: Run, attempts: list[tuple[str, str]]) -> None:
    assert "demo@afterimage.example" in run("login").stdout
    assert attempts == [("demo", "")]


def test_a_script_sends_the_password_by_the_standard_input(run: Run, attempts: list[tuple[str, str]]) -> None:
    done = run("login", "--email", "a@b.example", "--password-stdin", input="pass word \n")
    assert done.exit_code == 0
    assert attempts == [("a@b.example", "pass word ")]
    assert "pass word" not in done.output


def test_without_a_terminal_nothing_is_asked(run: Run, attempts: list[tuple[str, str]]) -> None:
    done = run("login", "--email", "a@b.example")
    assert done.exit_code == 1
    assert "--password-stdin" in done.stderr
    assert attempts == []


def test_there_is_no_option_that_would_show_a_password_in_the_process_table(run: Run) -> None:
    assert run("login", "--password", "x").exit_code == 2
