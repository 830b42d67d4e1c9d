"""The machine of campaigns: what its definition says. Its paths are run on the local cloud."""

from __future__ import annotations

import json
from typing import Any

import pytest
from afterimage.contracts.campaign import INDEX_HEADER, RowPlace
from afterimage.domain import errors
from afterimage.usecases.tell_campaign import CLAIM_MS
from security.template import functions, resources
from statemachine.machine import FOLDER

from local.lint_machine import problems

PATH = FOLDER / "campaign.asl.json"
DEFINITION: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
STATES: dict[str, dict[str, Any]] = DEFINITION["States"]
MAP = STATES["RunRows"]
ROW: dict[str, Any] = MAP["ItemProcessor"]["States"]["RunRow"]
LAMBDA = "arn:aws:states:::lambda:invoke"
# A request may wait for its engine so long; whatever happens, the sweep has ended it by then.
LONGEST_REQUEST_S = 12 * 3600


def test_statelint_finds_nothing() -> None:
    assert problems(str(PATH)) == []


@pytest.mark.parametrize("name", [*STATES, "RunRow"])
def test_the_state_has_a_comment(name: str) -> None:
    assert (STATES | {"RunRow": ROW})[name]["Comment"].endswith(".")


def test_a_child_gets_ids_and_places_only() -> None:
    given = {name.removesuffix(".$") for name in ROW["Parameters"]["Payload"]}
    assert given == set(RowPlace.__dataclass_fields__)
    places = {name.removesuffix(".$") for name in MAP["ItemSelector"]} - {"campaign_id", "run_id", "leg"}
    assert places == set(INDEX_HEADER)


def test_nothing_of_a_row_comes_back_into_the_machine() -> None:
    assert MAP["ResultPath"] is None
    assert MAP["ResultWriter"]["Resource"] == "arn:aws:states:::s3:putObject"


def test_one_refused_child_ends_the_map_which_then_is_settled() -> None:
    assert MAP["ToleratedFailureCount"] == 0
    assert "RunHaltedError" not in retried(ROW)
    assert "Catch" not in ROW
    assert MAP["Catch"] == [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "SettleCampaignRun"}]


def test_a_row_is_asked_about_for_longer_than_a_request_may_live() -> None:
    (timeouts,) = [entry for entry in ROW["Retry"] if entry["ErrorEquals"] == ["States.Timeout"]]
    assert ROW["TimeoutSeconds"] * timeouts["MaxAttempts"] > LONGEST_REQUEST_S


def retried(state: dict[str, Any]) -> set[str]:
    return {name for entry in state["Retry"] for name in entry["ErrorEquals"]}


def test_what_may_pass_is_tried_again_by_a_name_of_the_tree() -> None:
    ours = {name for name in retried(ROW) | retried(STATES["BeginCampaignRun"]) if name.endswith("Error")}
    transient = {leaf.__name__ for leaf in errors.leaves(errors.TransientError)}
    assert {"StoreUnavailableError", "RowDeferredError", "WorkflowUnavailableError"} <= ours <= transient


def test_every_task_has_a_bound_and_is_tried_again() -> None:
    for state in [*STATES.values(), ROW]:
        if state["Type"] == "Task":
            assert state["TimeoutSeconds"] > 0
            assert state["Retry"]


def test_substitutions_are_those_that_the_definition_names() -> None:
    machine = resources("AWS::Serverless::StateMachine")["CampaignMachine"]["Properties"]
    text = PATH.read_text(encoding="utf-8")
    assert machine["DefinitionUri"] == "statemachine/campaign.asl.json"
    named = {name for name in machine["DefinitionSubstitutions"] if f"${{{name}}}" in text}
    assert named == set(machine["DefinitionSubstitutions"])
    assert text.count("${") == len(named)


def test_a_leg_at_rest_is_written_drawn_and_told() -> None:
    assert STATES["RouteRest"]["Default"] == "BeginResults"
    assert (STATES["BeginResults"]["Result"], STATES["BeginResults"]["Next"]) == (0, "WriteCampaignResults")
    assert (STATES["BeginSheets"]["Result"], STATES["BeginSheets"]["Next"]) == (1, "DrawContactSheet")
    assert STATES["RouteSheets"]["Default"] == "TellCampaign"
    for loop, state in (("RouteResults", "WriteCampaignResults"), ("RouteSheets", "DrawContactSheet")):
        assert STATES[loop]["Choices"] == [{"Variable": "$.done", "BooleanEquals": False, "Next": state}]
        assert STATES[state]["Catch"] == [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "TellCampaign"}]


def test_whoever_died_while_telling_is_waited_for() -> None:
    entry = STATES["TellCampaign"]["Retry"][0]
    assert entry["ErrorEquals"] == ["NoticeInFlightError"]
    assert entry["IntervalSeconds"] * entry["MaxAttempts"] * 1000 > CLAIM_MS
    timeout_s = functions()["TellCampaignFunction"]["Timeout"]
    assert timeout_s * 1000 < CLAIM_MS
    assert timeout_s < STATES["TellCampaign"]["TimeoutSeconds"]
    assert "Catch" not in STATES["TellCampaign"], "a mail that cannot be sent is seen"


def test_the_events_of_the_states_are_what_the_machine_gives() -> None:
    for state, file in (
        ("WriteCampaignResults", "state_write_campaign_results"),
        ("DrawContactSheet", "state_draw_contact_sheet"),
        ("TellCampaign", "state_tell_campaign"),
    ):
        given = {name.removesuffix(".$") for name in STATES[state]["Parameters"]["Payload"]}
        assert given == set(json.loads((FOLDER.parent / "events" / f"{file}.json").read_text(encoding="utf-8")))
