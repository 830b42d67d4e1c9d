"""Start the emulator (`python -m local.emulator`) with the corrections without which it would prove the wrong thing.

Each correction stands for one deviation of the pinned version from AWS that a state machine or a test would notice.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Execute = Callable[[dict[str, Any], Any, str], dict[str, Any]]
_GENERIC = "Runtime.HandlerError"
_TRACE = "Traceback (most recent call last):"
_EXCEPTION = re.compile(r"^(?:[\w<>]+\.)*(\w+)(?::|$)")


def error_type(log: str) -> str | None:
    """Return the name of the exception class that ended the last traceback in `log`, as Lambda's `errorType` has it."""
    _, found, frames = log.rpartition(_TRACE)
    if not found:
        return None
    last = next((line for line in frames.splitlines() if line and not line.startswith(" ")), "")
    match = _EXCEPTION.match(last)
    return match.group(1) if match else None


def with_error_type(execute: Execute) -> Execute:
    """Answer the class of a raised exception where the emulator says Runtime.HandlerError for all of them.

    Retry and Catch of the state machine name these classes; without this, none of them would ever match locally.
    """

    def corrected(function: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        result = execute(function, event, request_id)
        body = result.get("body")
        if result.get("error") and isinstance(body, dict) and body.get("errorType") == _GENERIC:
            body["errorType"] = error_type(result.get("log") or "") or _GENERIC
        return result

    return corrected


def main() -> None:
    from ministack.app import main as serve
    from ministack.services import lambda_svc

    lambda_svc._execute_function_warm = with_error_type(lambda_svc._execute_function_warm)
    serve()


if __name__ == "__main__":
    main()
