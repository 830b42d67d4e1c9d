"""The error tree: what is drawn is what there is, and every end of it has its code and sentence."""

from __future__ import annotations

import inspect
import re

import pytest
from afterimage.domain import errors
from afterimage.domain.errors import (
    AfterimageError,
    FailedError,
    InvalidRequestError,
    RejectedError,
    TransientError,
    by_name,
    leaves,
)
from afterimage.http.problems import status_of

CLASSES = [
    member
    for _, member in inspect.getmembers(errors, inspect.isclass)
    if issubclass(member, AfterimageError) and member.__module__ == errors.__name__
]


def drawn() -> dict[str, str]:
    """Return parent by child from the tree in the module's docstring."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"    ([│ ├└─]*)(\w+Error)\b", line):
            depth = len(found.group(1)) // 4
            del path[depth:]
            if path:
                parents[found.group(2)] = path[-1]
            path.append(found.group(2))
    return parents


def test_the_drawn_tree_is_the_tree() -> None:
    there = {cls.__name__: cls.__base__.__name__ for cls in CLASSES if cls is not AfterimageError and cls.__base__}
    assert drawn() == there
    assert len(there) > 20


def test_leaves_are_the_classes_without_children_in_order() -> None:
    parents = set(drawn().values())
    found = [cls.__name__ for cls in leaves(AfterimageError)]
    assert found == [name for name in drawn() if name not in parents]


def test_leaves_of_a_branch_belong_to_it() -> None:
    for branch in (RejectedError, TransientError, FailedError):
        assert all(issubclass(leaf, branch) for leaf in leaves(branch))
    assert {leaf.__name__ for leaf in leaves(InvalidRequestError)} == {
        "UnknownPresetError",
        "InvalidCursorError",
        "CampaignInvalidError",
    }


@pytest.mark.parametrize("cls", CLASSES)
def test_every_class_is_found_by_the_name_that_step_functions_reports(cls: type[AfterimageError]) -> None:
    assert by_name(cls.__name__) is cls


@pytest.mark.parametrize("name", ["", "Exception", "KeyError", "States.Timeout", "afterimageerror", "JobNotFound"])
def test_a_foreign_name_is_none(name: str) -> None:
    assert by_name(name) is None


@pytest.mark.parametrize("cls", CLASSES)
def test_each_says_when_it_is_raised_and_has_a_stable_code(cls: type[AfterimageError]) -> None:
    assert cls.__doc__
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", cls.code)
    assert cls.sentence.endswith(".")
    assert str(cls()) == cls.sentence


def test_a_code_and_sentence_of_the_moment_replace_the_general_ones() -> None:
    error = InvalidRequestError("Steps: at most 50.", code="steps_out_of_bounds")
    assert (error.code, error.sentence, str(error)) == (
        "steps_out_of_bounds",
        "Steps: at most 50.",
        "Steps: at most 50.",
    )
    assert InvalidRequestError.code == "invalid_request"


@pytest.mark.parametrize("cls", CLASSES)
def test_the_branch_decides_whose_fault_the_http_status_says_it_is(cls: type[AfterimageError]) -> None:
    status = status_of(cls())
    if issubclass(cls, errors.AdmissionClosedError | TransientError):
        assert status == 503
    elif issubclass(cls, RejectedError):
        assert 400 <= status < 500
    else:
        assert status == 500
