"""What `make fire` makes of what its parts found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fire import __main__ as fire
from fire import promises
from fire.acts import ACTS
from fire.acts_together import TOGETHER
from fire.cases import KINDS, schedule
from fire.promises import COUNTED, Asked, Outcome
from fire.verdict import Verdict, seen_of, unchanged
from fire.world import Seen

KEPT = Outcome(promise="one", cases=3, kept=True, took_s=1.0)
BROKEN = Outcome(promise="two", cases=4, kept=False, took_s=1.0, told="one was lost")


@pytest.mark.parametrize(("found", "well"), [([KEPT], True), ([KEPT, BROKEN], False), ([], False)])
def test_one_broken_promise_is_told_and_none_at_all_is_none_kept(
    found: list[Outcome],
    well: bool,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(fire, "LANES", ({"campaign": lambda asked, say: found}, {}))
    assert fire.run(Asked(), ("campaign",), tmp_path / "results") is well
    written = json.loads((tmp_path / "results" / "campaign.json").read_text())
    assert [outcome["kept"] for outcome in written["outcomes"]] == [outcome.kept for outcome in found]
    assert ("one was lost" in capsys.readouterr().out) is (BROKEN in found)


def test_whatever_a_campaign_counts_breaks_a_promise() -> None:
    assert sorted(name for names in COUNTED.values() for name in names) == sorted(Verdict().counts)


def test_tests_that_fail_or_run_nothing_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = promises.Tests(promise="none", files=("tests/unit/test_fire_promises.py", "-k", "no_such_test"))
    (outcome,) = nothing.run(Asked(), lambda line: None)
    assert (outcome.kept, outcome.cases) == (False, 0)


def test_each_kind_of_trouble_has_an_act_and_comes_at_least_once() -> None:
    known = {*ACTS, "kill"}
    assert all(kind.act in known or kind.act.startswith(tuple(TOGETHER)) for kind in KINDS.values())
    assert {case.kind for case in schedule(1, 200)} == {case.kind for case in schedule(2, len(KINDS))} == set(KINDS)
    assert schedule(3, 200) == schedule(3, 200) != schedule(4, 200)


def seen(**attributes: str) -> Seen:
    return Seen(jobs={"j": {name: {"S": value} for name, value in attributes.items()}}, attempts={}, others=[])


def test_only_the_mark_of_the_sweep_may_go_while_states_run_again() -> None:
    case = schedule(1, 1)[0]
    verdict = Verdict()
    unchanged(seen(status="FAILED", open="UNTOLD"), seen(status="FAILED"), {"j": case}, verdict)
    assert (verdict.marks_taken_by_the_sweep, verdict.clean) == (1, True)
    for before, after in (
        (seen(status="FAILED"), seen(status="FAILED", open="UNTOLD")),
        (seen(status="FAILED", open="WORKING"), seen(status="FAILED")),
        (seen(status="FAILED", open="UNTOLD"), seen(status="SUCCEEDED")),
        (seen(status="FAILED"), Seen(jobs=seen(status="FAILED").jobs, attempts={"j": [{"sk": {"S": "x"}}]}, others=[])),
    ):
        verdict = Verdict()
        unchanged(before, after, {"j": case}, verdict)
        assert verdict.changed_by_a_second_run == 1, seen_of("j", after)
