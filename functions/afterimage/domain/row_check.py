"""From a row of an upload to the requests that it makes, each checked as one that is asked for alone.

A row's own field goes before an axis and an axis before a default. Combinations are made row by row; of the axes the
one whose field stands first in `REQUEST_FIELDS` changes slowest.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from afterimage.contracts.campaign import RowProblem
from afterimage.domain.campaign import MICROS, CampaignSettings
from afterimage.domain.errors import InvalidRequestError
from afterimage.domain.estimate import PROMPT_HELD, Estimate, estimate, forewarnings
from afterimage.domain.holds import NEEDS_REVIEW, OF_A_CAMPAIGN
from afterimage.domain.job import ImageSpec, JobWarning
from afterimage.domain.model_profiles import ModelProfile
from afterimage.domain.moderation import Decision, Policy, judge_prompt
from afterimage.domain.request import ImageRequest, specify
from afterimage.domain.row_fields import REQUEST_FIELDS, ValueProblem, read_value
from afterimage.domain.row_record import Record

_SIZE = ("width", "height")
# The rule that a request broke → the field that breaks it. What does not stand here ends the looking for more.
FIELD_OF = {
    "prompt_empty": "prompt",
    "prompt_too_long": "prompt",
    "prompt_not_text": "prompt",
    "negative_prompt_too_long": "negative_prompt",
    "negative_prompt_not_text": "negative_prompt",
    "unknown_preset": "preset",
    "count_out_of_bounds": "count",
    "seed_out_of_bounds": "seed",
    "steps_out_of_bounds": "steps",
    "guidance_out_of_bounds": "guidance",
    "invalid_scheduler": "scheduler",
    "invalid_adapter": "adapter",
    "adapter_not_supported": "adapter",
    "size_incomplete": "width",
    "size_out_of_bounds": "width",
}


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a request is held against, as at the door."""

    profile: ModelProfile
    policy: Policy
    dollars_per_hour: float
    at_ms: int


@dataclass(frozen=True, kw_only=True)
class Requested:
    """One request of a row that is in order, and what would become of it."""

    request: dict[str, Any]
    estimate: Estimate
    decision: Decision
    warnings: tuple[JobWarning, ...]

    @property
    def micros(self) -> int:
        """Return the estimate in millionths of a dollar."""
        return round(self.estimate.dollars * MICROS)


class RowChecker:
    """Checks the rows of one campaign."""

    def __init__(
        self, settings: CampaignSettings, rules: Rules, named: frozenset[str] | None = None, header_line: int = 0
    ) -> None:
        """`named` are the fields that a header names for every row, None where each row names its own. `problems` are
        those of the settings and of the header."""
        self._rules = rules
        self._told: set[tuple[str | None, str, str]] = set()
        self.problems: list[RowProblem] = []
        self._defaults = dict(self._values("defaults", {name: (v,) for name, v in settings.defaults.items()}))
        self._axes = self._values("axes", settings.axes)
        self._named = named
        self._judge = functools.lru_cache(maxsize=1024)(self._judged)
        self.combinations = math.prod(len(values) for values in self._axes.values())
        # An axis in place of a column is told once, for the header; the rows are checked as if it were not there.
        for name in sorted(set(self._axes) & (named or frozenset())):
            self.problems.append(self._on_axis(header_line, name))

    @property
    def gives_prompt(self) -> bool:
        """True when the settings say what to draw, so that rows need not."""
        return "prompt" in self._defaults or "prompt" in self._axes

    def _values(self, where: str, given: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
        """Read the settings' own values. They were checked when they were set, by another version perhaps."""
        found: dict[str, tuple[Any, ...]] = {}
        for name in sorted(given, key=_place):
            try:
                if name not in REQUEST_FIELDS:
                    raise ValueProblem("unknown_field", f"{name} of the campaign's {where} is no field of a row.")
                read = tuple(value for item in given[name] if (value := read_value(name, item)) is not None)
                if where == "axes" and not read:
                    raise ValueProblem("axis_empty", f"The axis {name} has no values.")
            except ValueProblem as exc:
                self.problems.append(RowProblem(line=0, column=name[:100], code=exc.code, sentence=exc.sentence))
            else:
                found |= {name: read} if read else {}
        return found

    def check(self, record: Record) -> Iterator[RowProblem | Requested]:
        """Yield what is wrong with a row, or the requests that it makes, or both where only some are in order."""
        yield from record.problems
        if record.fields is None:
            return
        if self._named is None:
            for name in sorted(set(self._axes) & set(record.fields)):
                yield self._on_axis(record.line, name)
        told: set[tuple[str | None, str, str]] = set()
        for fields in self._combined(record.fields):
            spec, faults = self._specify(fields, record.spoilt)
            for column, exc in faults:
                fault = (column, exc.code, exc.sentence)
                if fault not in told:
                    told.add(fault)
                    yield from self._told_of(record, *fault)
            if spec is not None and not record.problems:
                yield self._requested(fields, spec)

    def _told_of(self, record: Record, column: str | None, code: str, sentence: str) -> Iterator[RowProblem]:
        """A fault of the settings is told once and in no line: every row has it."""
        names = set(_SIZE if column in _SIZE else (column,)) & set(record.fields or ())
        if names or code == "prompt_empty":
            yield RowProblem(line=record.line, column=column, code=code, sentence=sentence)
        elif (column, code, sentence) not in self._told:
            self._told.add((column, code, sentence))
            yield RowProblem(line=0, column=column, code=code, sentence=f"The campaign's own settings: {sentence}")

    def _combined(self, own: dict[str, Any]) -> Iterator[dict[str, Any]]:
        defaults = {name: values[0] for name, values in self._defaults.items()}
        for values in itertools.product(*self._axes.values()):
            yield defaults | dict(zip(self._axes, values, strict=True)) | own

    def _specify(
        self, fields: dict[str, Any], spoilt: frozenset[str]
    ) -> tuple[ImageSpec | None, list[tuple[str | None, InvalidRequestError]]]:
        """Return the specification, or everything that is wrong: each fault is mended so that the next is seen."""
        faults: list[tuple[str | None, InvalidRequestError]] = []
        trial = {"prompt": "a picture" if "prompt" in spoilt else ""} | fields
        for _ in FIELD_OF:
            try:
                # The seed that a request without one gets is drawn when it is made.
                spec = specify(ImageRequest(**trial), self._rules.profile, lambda: 0)
            except InvalidRequestError as exc:
                column = _column(exc, trial)
                if not (exc.code == "size_incomplete" and spoilt & set(_SIZE)):
                    faults.append((column, exc))
                if column is None:
                    break
                self._mend(trial, column, exc)
            else:
                return (None if faults or spoilt else spec), faults
        return None, faults

    def _mend(self, trial: dict[str, Any], column: str, exc: InvalidRequestError) -> None:
        """Take a fault out of `trial`."""
        if column == "prompt":
            trial["prompt"] = "a picture"
        elif column in _SIZE and "×" not in exc.sentence:
            trial[column] = self._rules.profile.min_side
        elif column in _SIZE:
            for name in _SIZE:
                trial.pop(name, None)
        else:
            del trial[column]

    def _requested(self, fields: dict[str, Any], spec: ImageSpec) -> Requested:
        decision = self._judge(spec.model_prompt, spec.negative_prompt, spec.adapter or "")
        return Requested(
            request=fields,
            estimate=estimate(spec, self._rules.profile, self._rules.dollars_per_hour),
            decision=decision,
            warnings=tuple(_of_a_campaign(warning) for warning in forewarnings(spec, decision)),
        )

    def _judged(self, prompt: str, negative_prompt: str, adapter: str) -> Decision:
        return judge_prompt(prompt, negative_prompt, self._rules.policy, self._rules.at_ms, adapter)

    @staticmethod
    def _on_axis(line: int, name: str) -> RowProblem:
        sentence = (
            f"The campaign has an axis {name}, which makes every row with each of its values: rows do not name it."
        )
        return RowProblem(line=line, column=name, code="axis_in_rows", sentence=sentence)


def _place(name: str) -> int:
    return REQUEST_FIELDS.index(name) if name in REQUEST_FIELDS else len(REQUEST_FIELDS)


def _column(exc: InvalidRequestError, trial: dict[str, Any]) -> str | None:
    """The field that a refusal is about; of the two of a size the one that is missing or out of bounds."""
    column = FIELD_OF.get(exc.code)
    if exc.code == "size_incomplete":
        return next(name for name in _SIZE if trial.get(name) is None)
    if exc.code == "size_out_of_bounds" and exc.sentence.startswith("height"):
        return "height"
    return column


def _of_a_campaign(warning: JobWarning) -> JobWarning:
    """A prompt that would wait for a person is not made in a campaign."""
    return JobWarning(code=NEEDS_REVIEW, message=OF_A_CAMPAIGN) if warning.code == PROMPT_HELD else warning
