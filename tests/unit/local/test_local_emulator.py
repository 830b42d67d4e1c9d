"""The emulator reports a raised exception by its class, as Lambda does."""

import traceback
from typing import Any

import pytest

from local.emulator import error_type, with_error_type


class TransientError(Exception):
    """Stands for one of ours."""


def trace_of(error: Exception, cause: Exception | None = None) -> str:
    try:
        if cause is None:
            raise error
        try:
            raise cause
        except Exception as exc:
            raise error from exc
    except Exception:
        return traceback.format_exc()


@pytest.mark.parametrize(
    ("log", "name"),
    [
        (trace_of(TransientError("later")), "TransientError"),
        (trace_of(TransientError()), "TransientError"),
        (trace_of(TransientError("two\nlines: ValueError: no")), "TransientError"),
        (trace_of(KeyError("x")), "KeyError"),
        (trace_of(TransientError("later"), cause=ValueError("first")), "TransientError"),
        ("a log line\nanother: one\n" + trace_of(TransientError("later")), "TransientError"),
        ("no traceback here", None),
        ("", None),
    ],
)
def test_the_class_is_read_from_the_last_traceback(log: str, name: str | None) -> None:
    assert error_type(log) == name


def result(error: bool, kind: str) -> dict[str, Any]:
    return {"error": error, "body": {"errorType": kind}, "log": trace_of(TransientError("later"))}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (result(True, "Runtime.HandlerError"), "TransientError"),
        (result(True, "Sandbox.Timedout"), "Sandbox.Timedout"),
        (result(False, "Runtime.HandlerError"), "Runtime.HandlerError"),
    ],
)
def test_only_the_generic_type_of_an_error_is_replaced(given: dict[str, Any], expected: str) -> None:
    assert with_error_type(lambda *_: given)({}, {}, "id")["body"]["errorType"] == expected
