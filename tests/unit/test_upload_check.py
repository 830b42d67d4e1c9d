"""A whole upload: every request that its rows make is one that the door would take, and all that is wrong is told."""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from afterimage.contracts.codec import from_document
from afterimage.domain import upload_check
from afterimage.domain.check_report import PROBLEMS_LISTED
from afterimage.domain.errors import InvalidRequestError
from afterimage.domain.estimate import estimate
from afterimage.domain.model_profiles import ModelProfile, model_profiles
from afterimage.domain.moderation import Action, judge_prompt, parse_policy
from afterimage.domain.quotas import UNLIMITED
from afterimage.domain.request import ImageRequest, specify
from afterimage.domain.row_check import FIELD_OF
from afterimage.domain.row_fields import ANNOTATIONS, REQUEST_FIELDS
from afterimage.domain.spreadsheet import BOM
from fakes.checks import RULES, annotated, checked
from fakes.samples import HOLDING_POLICY
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]

# ── Combinations ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_row_goes_before_an_axis_and_an_axis_before_a_default() -> None:
    found = checked(
        "prompt,steps\na fox,3\nan owl,\n",
        defaults={"steps": 5, "negative_prompt": "blurry", "guidance": 2.0},
        axes={"guidance": (1.0, 3.0)},
    )
    assert [(row.request["prompt"], row.request["steps"], row.request["guidance"]) for row in found.rows] == [
        ("a fox", 3, 1.0),
        ("a fox", 3, 3.0),
        ("an owl", 5, 1.0),
        ("an owl", 5, 3.0),
    ]
    assert {row.request["negative_prompt"] for row in found.rows} == {"blurry"}


def test_combinations_are_made_row_by_row_in_the_order_of_the_fields() -> None:
    found = checked(
        "prompt,sku\na fox,1\nan owl,2\n", axes={"seed": (9, 8), "preset": ("photo", "line-art"), "steps": (4,)}
    )
    assert [row.row for row in found.rows] == list(range(1, 9))
    assert [(row.line, row.request["preset"], row.request["seed"], row.columns["sku"]) for row in found.rows] == [
        (line, preset, seed, sku)
        for line, sku in ((2, "1"), (3, "2"))
        for preset, seed in itertools.product(("photo", "line-art"), (9, 8))
    ]


def test_axes_alone_make_rows_without_a_file() -> None:
    found = checked(None, axes={"prompt": ("a fox", "an owl"), "seed": (1, 2, 3)})
    assert found.problems == []
    assert [(row.line, row.request["prompt"], row.request["seed"]) for row in found.rows] == [
        (0, prompt, seed) for prompt in ("a fox", "an owl") for seed in (1, 2, 3)
    ]


def test_one_empty_object_stands_for_the_settings_alone() -> None:
    found = checked("{}", axes={"prompt": ("a fox", "an owl")})
    assert [row.request for row in found.rows] == [{"prompt": "a fox"}, {"prompt": "an owl"}]


def test_without_a_file_and_a_prompt_there_is_nothing_to_make() -> None:
    assert checked(None, axes={"seed": (1, 2)}).faults == [(0, None, "upload_missing")]


def test_an_axis_is_refused_where_a_header_names_its_field() -> None:
    found = checked("\nprompt,Seed\na fox,\nan owl,\n", axes={"seed": (1, 2)})
    assert found.faults == [(2, "seed", "axis_in_rows")]


def test_an_axis_is_refused_in_each_row_that_names_its_field() -> None:
    found = checked('{"prompt": "a fox"}\n{"prompt": "an owl", "seed": 3}', axes={"seed": (1, 2)})
    assert found.faults == [(2, "seed", "axis_in_rows")]


@pytest.mark.parametrize(
    ("campaign", "fault"),
    [
        ({"defaults": {"preset": "oil-painting"}}, (0, "preset", "unknown_preset")),
        ({"defaults": {"count": "many"}}, (0, "count", "value_not_whole")),
        ({"defaults": {"email": "a@example.com"}}, (0, "email", "unknown_field")),
        ({"defaults": {"width": 64}}, (0, "height", "size_incomplete")),
        ({"axes": {"count": (1, 9)}}, (0, "count", "count_out_of_bounds")),
        ({"axes": {"seed": ()}}, (0, "seed", "axis_empty")),
        ({"axes": {"size": (1, 2)}}, (0, "size", "unknown_field")),
        ({"axes": {"seed": (1, [2])}}, (0, "seed", "value_nested")),
    ],
)
def test_a_fault_of_the_settings_is_told_once_and_in_no_line(
    campaign: dict[str, Any], fault: tuple[int, str, str]
) -> None:
    assert checked("prompt\na fox\nan owl\na house\n", **campaign).faults == [fault]


def test_a_row_that_completes_what_is_wrong_with_it_is_told_of_itself() -> None:
    found = checked("prompt,height\na fox,63\nan owl,64\n", defaults={"width": 64})
    assert found.faults == [(2, "height", "size_out_of_bounds")]


@settings(deadline=None)
@given(st.integers(1, 3), st.lists(st.integers(1, 3), max_size=4))
def test_there_are_as_many_rows_as_the_product_says(lines: int, sizes: list[int]) -> None:
    names = ("seed", "steps", "guidance", "count")
    axes = {name: tuple(range(1, size + 1)) for name, size in zip(names, sizes, strict=False)}
    found = checked("prompt\n" + "a fox\n" * lines, axes=axes)
    assert found.check.rows == len(found.rows) == lines * len(list(itertools.product(*axes.values())))
    assert len({json.dumps(row.request, sort_keys=True) for row in found.rows}) == found.check.rows // lines


# ── Each request as at the door ───────────────────────────────────────────────────────────────────────────────────────

VALUES = {
    "prompt": ["", "a fox", "x" * 1001],
    "negative_prompt": ["", "blurry", "y" * 1001],
    "preset": ["", "photo", "oil-painting"],
    "count": ["", "2", "9"],
    "seed": ["", "7", "-1"],
    "width": ["", "64", "63", "512"],
    "height": ["", "64", "72", "512"],
    "steps": ["", "4", "51"],
    "guidance": ["", "3.5", "99"],
    "scheduler": ["", "DDIMScheduler", "!"],
}


@pytest.mark.parametrize("profile", model_profiles().values(), ids=model_profiles())
@settings(deadline=None)
@given(st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()}))
def test_a_row_is_in_order_just_when_the_door_takes_its_request(profile: ModelProfile, row: dict[str, str]) -> None:
    found = checked(json.dumps([row]), rules=dataclasses.replace(RULES, profile=profile))
    numbers = {"guidance": float} | dict.fromkeys(("count", "seed", "width", "height", "steps"), int)
    given_ones = {name: numbers.get(name, str)(text) for name, text in row.items() if text}
    try:
        spec = specify(ImageRequest(**({"prompt": ""} | given_ones)), profile, lambda: 0)
    except InvalidRequestError as exc:
        assert exc.code in {code for _, _, code in found.faults}
        assert found.check.problems == len(set(found.problems)) > 0
        assert found.rows == []
    else:
        assert found.problems == []
        ((made,), (forecast,)) = found.rows, found.forecasts
        assert made.request == given_ones
        assert from_document(ImageRequest, made.request) == ImageRequest(**given_ones)
        wanted = estimate(spec, profile, RULES.dollars_per_hour)
        assert (forecast.pictures, forecast.seconds) == (wanted.pictures, wanted.seconds)
        assert forecast.micros == made.micros == round(wanted.dollars * 1e6)


@settings(deadline=None)
@given(st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()}))
def test_each_fault_of_a_row_alone_is_among_those_of_all_together(row: dict[str, str]) -> None:
    together = {(column, code) for _, column, code in checked(json.dumps([row])).faults}
    for name in VALUES:
        others = {"width": "64", "height": "64"} if name in ("width", "height") else {}
        alone = {"prompt": "a fox"} | others | {name: row[name]}
        for _, column, code in checked(json.dumps([alone])).faults:
            if code != "size_incomplete":
                assert (column, code) in together


def test_every_rule_of_a_request_has_a_field_to_be_told_of() -> None:
    text = "".join(
        (ROOT / "functions" / "afterimage" / "domain" / name).read_text(encoding="utf-8")
        for name in ("request.py", "model_profiles.py")
    )
    codes = {part.split('"')[0] for part in text.split('code="')[1:]}
    codes |= {f"{name}_{end}" for name in ("prompt", "negative_prompt") for end in ("too_long", "not_text")}
    assert set(FIELD_OF) == {code for code in codes if code.isidentifier()} | {"unknown_preset", "size_out_of_bounds"}
    assert set(FIELD_OF.values()) <= set(REQUEST_FIELDS)


def test_two_sides_out_of_bounds_are_told_both() -> None:
    found = checked("prompt,width,height,count,preset\na fox,63,65,7,oil\n")
    assert found.faults == [
        (2, "preset", "unknown_preset"),
        (2, "count", "count_out_of_bounds"),
        (2, "width", "size_out_of_bounds"),
        (2, "height", "size_out_of_bounds"),
    ]


# ── The dry run ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_would_be_blocked_is_no_problem_but_told_of_its_row() -> None:
    found = checked("prompt,preset\na fox,photo\na naked person,\n" + "word " * 60 + ",\n")
    assert found.problems == []
    assert found.check.blocked == 1
    assert any("1 of the rows would be taken, and then be blocked" in warning for warning in found.check.warnings)
    decision = judge_prompt("a naked person", "", RULES.policy, 0)
    assert [(row.moderation, row.categories, row.sentence, row.warnings) for row in found.forecasts] == [
        ("allow", (), "", ()),
        ("block", decision.categories, decision.sentence, ("prompt_blocked",)),
        ("allow", (), "", ("prompt_may_be_cut",)),
    ]
    assert [cells[4] for cells in annotated(found)[1:]] == ["allow", "block", "allow"]


def test_the_frame_of_a_preset_and_the_negative_prompt_are_judged_too() -> None:
    found = checked('{"prompt": "a fox", "negative_prompt": "child porn"}\n{"prompt": "a fox"}')
    assert [row.moderation for row in found.forecasts] == ["block", "allow"]


def test_a_row_that_a_person_would_have_to_look_at_is_told_as_blocked() -> None:
    rules = dataclasses.replace(RULES, policy=parse_policy(HOLDING_POLICY))
    found = checked("prompt\na fox\na duck\n", rules=rules)
    assert found.check.blocked == 1
    assert [(row.moderation, row.warnings) for row in found.forecasts] == [("allow", ()), ("hold", ("needs_review",))]


def test_a_softened_row_is_counted_in_words() -> None:
    soft = next(
        term
        for category in RULES.policy.categories
        if category.action is Action.SOFTEN
        for terms in (category.terms, *category.languages.values())
        for term in terms
        if judge_prompt(f"a {term} scene", "", RULES.policy, 0).action is Action.SOFTEN
    )
    found = checked(f"prompt\na {soft} scene\n")
    assert found.forecasts[0].moderation == "soften"
    assert any("that the content policy softens" in warning for warning in found.check.warnings)


def test_a_check_sums_up_what_its_rows_would_take() -> None:
    found = checked("prompt,count\na fox,2\nan owl,1\n", axes={"steps": (4, 8)})
    assert found.check.rows == 4
    assert found.check.pictures == sum(row.pictures for row in found.rows) == 6
    assert found.check.micros == sum(row.micros for row in found.rows) > 0
    assert found.check.seconds == pytest.approx(sum(row.seconds for row in found.forecasts))


# ── What is written ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_index_says_where_each_row_lies() -> None:
    found = checked("prompt,sku\nein Käthchen,Ä\nan owl,2\n" * 1, axes={"seed": (1, 2)})
    lines = found.files["index"].decode().splitlines()
    assert lines[0] == "row,start,length"
    body = found.files["rows"]
    places = [tuple(map(int, line.split(","))) for line in lines[1:]]
    assert [json.loads(body[start : start + length])["row"] for _, start, length in places] == [1, 2, 3, 4]
    assert [row for row, _, _ in places] == [1, 2, 3, 4]
    assert sum(length for _, _, length in places) == len(body)


def test_the_annotated_copy_holds_the_file_with_what_is_wrong_beside_each_line() -> None:
    found = checked('prompt;sku;\na fox;=1+1;\n;"two\nlines";\nan "owl";3;\n')
    assert found.files["annotated"].startswith(BOM)
    header, *rows = annotated(found)
    assert header == [*ANNOTATIONS, "prompt", "sku", ""]
    assert [(cells[0], cells[1], cells[5:]) for cells in rows] == [
        ("2", "", ["a fox", "'=1+1", ""]),
        ("3", "prompt must say what to draw.", ["", "two\nlines", ""]),
        ("5", "", ['an "owl"', "3", ""]),
    ]
    assert [cells[2:5] for cells in rows] == [["1", rows[0][3], "allow"], ["", "", ""], ["1", rows[0][3], "allow"]]
    assert float(rows[0][3]) > 0


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t=", "＝"])
def test_no_cell_of_the_annotated_copy_is_a_formula(sign: str) -> None:
    hostile = f"{sign}HYPERLINK(1)"
    upload = f'prompt,"{hostile}"\n"{hostile}","{hostile}"\n"{hostile}"x,\n'
    for row in annotated(checked(upload)):
        assert not [cell for cell in row if cell.lstrip()[:1] in ("=", "+", "-", "@", "＝")]


def test_the_annotated_copy_can_be_mended_and_sent_again() -> None:
    first = checked("prompt,sku\n=a fox,1\n,2\nan owl,-x\n")
    assert first.faults == [(3, "prompt", "prompt_empty")]
    mended = [*annotated(first)]
    mended[2][5] = "a house"
    sheet = io.StringIO(newline="")
    csv.writer(sheet).writerows(mended)
    second = checked(sheet.getvalue())
    assert second.problems == []
    assert [(row.request["prompt"], row.columns) for row in second.rows] == [
        ("=a fox", {"sku": "1"}),
        ("a house", {"sku": "2"}),
        ("an owl", {"sku": "-x"}),
    ]


def test_rows_of_json_are_shown_as_they_were_written() -> None:
    row = '{"prompt": "",   "sku": 1}'
    cells = annotated(checked(f"[{row}]"))[1]
    assert (cells[0], cells[5]) == ("1", row)


def test_the_list_of_problems_is_cut_and_says_so_and_the_copy_is_not() -> None:
    found = checked("prompt,count\n" + ",9\n" * PROBLEMS_LISTED)
    assert found.check.problems == 2 * PROBLEMS_LISTED
    assert len(found.problems) == PROBLEMS_LISTED + 1
    assert found.problems[-1].code == "more_problems"
    assert str(2 * PROBLEMS_LISTED) in found.problems[-1].sentence
    rows = annotated(found)[1:]
    assert len(rows) == PROBLEMS_LISTED
    assert all("prompt must say" in cells[1] and "count must lie" in cells[1] for cells in rows)


def test_many_combinations_of_one_row_do_not_repeat_a_fault() -> None:
    found = checked(f"prompt\n{'x' * 1001}\n", axes={"seed": tuple(range(100)), "steps": (1, 2, 3)})
    assert found.faults == [(2, "prompt", "prompt_too_long")]


# ── Bounds ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_campaign_has_no_more_rows_than_its_owner_may_have() -> None:
    quotas = dataclasses.replace(UNLIMITED, campaign_rows=4)
    upload = "prompt\na fox\nan owl\n"
    assert checked(upload, quotas, axes={"seed": (1, 2)}).problems == []
    assert checked(upload + "a house\n,\n", quotas, axes={"seed": (1, 2)}).faults == [
        (4, None, "campaign_rows_reached")
    ]
    assert checked(upload, dataclasses.replace(UNLIMITED, campaign_rows=0)).faults == [
        (2, None, "campaign_rows_reached")
    ]


def test_a_campaign_has_no_more_rows_than_any_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_check, "MAX_ROWS", 3)
    assert checked("prompt\n" + "a fox\n" * 3).problems == []
    assert checked("prompt\n" + "a fox\n" * 4).faults == [(5, None, "too_many_rows")]
    generous = dataclasses.replace(UNLIMITED, campaign_rows=5)
    assert checked("prompt\n" + "a fox\n" * 4, generous).faults == [(5, None, "too_many_rows")]


def test_a_product_beyond_the_bound_is_not_begun() -> None:
    axes = {name: tuple(range(1, 101)) for name in ("seed", "steps", "count", "width", "height")}
    found = checked("prompt\na fox\n", axes=axes)
    assert (2, None, "too_many_rows") in found.faults
    assert found.rows == []


def test_rows_that_would_fill_the_disk_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_check, "MAX_ROWS_BYTES", 10_000)
    found = checked(f"prompt,sku\na fox,{'x' * 900}\nan owl,1\n", axes={"seed": tuple(range(50))})
    assert found.faults == [(2, None, "rows_too_large")]
    assert len(found.files["rows"]) < 12_000


def test_an_upload_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_check, "MAX_UPLOAD_BYTES", 20)
    assert checked("prompt\na fox\n").problems == []
    assert checked("prompt\na fox\nan owl\n\n").faults == [(0, None, "upload_too_large")]


def test_an_adapters_name_is_judged_with_its_row() -> None:
    found = checked("prompt,adapter\na fox,ink\na fox,porn-v2\n")
    assert (found.check.problems, found.check.blocked) == (0, 1)
