"""What ends a command early, and with which exit code.

CliError                 1   the message is one sentence for a person; the hint says what to do
├── ProblemError         1   the API answered with an error
├── SignInNeededError    1   there is no valid sign-in for this stack
└── StillRunningError    1   the time to wait is over, the request is not (cli.watch)

A request that ended without a picture is a result, not an error: it is shown, and the exit code is 3.
"""

from __future__ import annotations

FAILURE = 1
UNSUCCESSFUL = 3
INTERRUPTED = 130


class CliError(Exception):
    """Raised when a command cannot do what was asked."""

    exit_code = FAILURE

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint


class ProblemError(CliError):
    """Raised for an error document of the API. `code` is stable and meant for scripts."""

    def __init__(self, status: int, code: str, detail: str, hint: str = "") -> None:
        super().__init__(detail, hint)
        self.status = status
        self.code = code


class SignInNeededError(CliError):
    """Raised when nobody is signed in to the stack, or the sign-in cannot be renewed."""
