"""Faults on order: a fake's method raises before or after it has done its work, as a process dies or a network cuts."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Crash(BaseException):
    """The process is gone: nothing that catches `Exception` sees it."""


@dataclass
class _Fault:
    error: BaseException
    after: bool
    skip: int


class Faulty:
    """Base of fakes whose methods can be told to fail."""

    def __init__(self) -> None:
        self._faults: dict[str, list[_Fault]] = {}
        self._between: dict[str, list[Callable[[], None]]] = {}
        self.faults_met: list[BaseException] = []

    def fail_next(self, method: str, error: BaseException, *, after: bool = False, skip: int = 0) -> None:
        """Let one call of `method` raise `error` once `skip` calls went well; `after` its work was done if so asked."""
        assert callable(getattr(self, method)), method
        self._faults.setdefault(method, []).append(_Fault(error, after, skip))

    def take_fault(self, method: str) -> _Fault | None:
        """Return the fault that is due now."""
        waiting = self._faults.get(method, [])
        if waiting and waiting[0].skip > 0:
            waiting[0].skip -= 1
            return None
        if not waiting:
            return None
        self.faults_met.append(waiting[0].error)
        return waiting.pop(0)

    def before_next(self, method: str, act: Callable[[], None]) -> None:
        """Let another process `act` once, just before the next call of `method` does its work."""
        assert callable(getattr(self, method)), method
        self._between.setdefault(method, []).append(act)

    def let_others_act(self, method: str) -> None:
        """Run what is to happen between the caller's last step and this one."""
        if waiting := self._between.get(method):
            waiting.pop(0)()

    def work_again(self) -> None:
        """Forget the faults that nobody met; who is to act in between still does."""
        self._faults.clear()


F = TypeVar("F", bound=Faulty)


def breakable(method: Callable[Concatenate[F, P], R]) -> Callable[Concatenate[F, P], R]:
    """Make a method of a Faulty obey `fail_next` and `before_next`."""

    @functools.wraps(method)
    def wrapped(self: Any, *args: P.args, **kwargs: P.kwargs) -> R:
        self.let_others_act(method.__name__)
        fault = self.take_fault(method.__name__)
        if fault and not fault.after:
            raise fault.error
        result = method(self, *args, **kwargs)
        if fault:
            raise fault.error
        return result

    return wrapped
