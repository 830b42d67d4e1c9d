"""The policies are no decoration: with one statement taken away, what needed it fails, and visibly.

Each case removes a single statement from a deployed role, does what a caller would do, looks at the failure, and puts
the statement back. What the emulator cannot judge is held by the table in tests/security.
"""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import boto3
import botocore.exceptions
import httpx
import pytest
from afterimage.domain.campaign import RunStatus
from integration.campaigns import PlantedCampaign
from integration.journey import (
    PROMPT,
    admin_token,
    ask,
    attempts_of,
    execution_arn,
    invoke,
    job_item,
    links_in,
    mails_to,
    person,
    read,
    resource_name,
    wait_for_end,
    wait_for_status,
)
from security.iam_grant import EVALUATED, STAND_IN
from security.iam_table import GRANTS

from local.services import credentials_token
from local.settings import ROOT

if TYPE_CHECKING:
    from integration.conftest import LocalCloud

Case = Callable[["LocalCloud"], None]


@contextlib.contextmanager
def without(cloud: LocalCloud, holder: str, sid: str) -> Iterator[None]:
    """Take one statement from a function's role, or from a role, for as long as the block lasts."""
    iam = cloud.client("iam")
    role = resource_name(cloud, f"{holder}Role" if holder.endswith("Function") else holder)
    found = []
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        found += [(name, document) for statement in document["Statement"] if statement.get("Sid") == sid]
    ((name, document),) = found
    rest = copy.deepcopy(document)
    rest["Statement"] = [statement for statement in rest["Statement"] if statement.get("Sid") != sid]
    if rest["Statement"]:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(rest))
    else:
        iam.delete_role_policy(RoleName=role, PolicyName=name)
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))


def forget(cloud: LocalCloud, holder: str) -> None:
    """Start the function's process anew: it remembers parameters for half a minute."""
    name, client = resource_name(cloud, holder), cloud.client("lambda")
    client.update_function_configuration(
        FunctionName=name, Timeout=client.get_function_configuration(FunctionName=name)["Timeout"]
    )


def post(cloud: LocalCloud, address: str) -> httpx.Response:
    return cloud.http("POST", "/v1/images", token=cloud.token(address), body={"prompt": PROMPT})


def make_picture(cloud: LocalCloud) -> tuple[str, str]:
    """A delivered request: who asked, and its id."""
    address = person()
    job_id = ask(cloud, address)
    assert wait_for_end(cloud, address, job_id)["status"] == "SUCCEEDED"
    return address, job_id


def denials(cloud: LocalCloud, holder: str) -> int:
    """How often a function has ended with AccessDenied, by its log."""
    group = resource_name(cloud, f"{holder.removesuffix('Function')}LogGroup")
    pages = cloud.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    return sum("AccessDenied" in event["message"] for page in pages for event in page["events"])


def refuses_at_the_door(status: int, code: str) -> Case:
    def case(cloud: LocalCloud) -> None:
        address = person()
        answer = post(cloud, address)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert mails_to(cloud, address) == []

    return case


def is_left_to_the_sweep(cloud: LocalCloud) -> None:
    """The door has recorded the request, so it is accepted; the sweep has the right to start it a minute later."""
    before = denials(cloud, "RequestsApiFunction")
    address = person()
    job_id = ask(cloud, address)
    cloud.wait_until(lambda: denials(cloud, "RequestsApiFunction") > before, "a denial in the log")
    assert read(cloud, address, job_id)["status"] == "QUEUED"


def leaves_a_schedule_to_the_sweep(cloud: LocalCloud) -> None:
    event = json.loads((ROOT / "events" / "scheduler_request.json").read_text())
    event["scheduled_time"] = person()  # the idempotency key: nobody has used it
    job_id = invoke(cloud, "StartScheduledRequestFunction", event)["job_id"]
    assert job_item(cloud, job_id)["status"]["S"] == "QUEUED"


def fails(code: str, body: dict[str, object] | None = None) -> Case:
    """The request is accepted, ends FAILED with this code, and its owner is told once."""

    def case(cloud: LocalCloud) -> None:
        address = person()
        job_id = ask(cloud, address, body)
        view = wait_for_end(cloud, address, job_id)
        assert (view["status"], view["failure"]["code"], view["images"]) == ("FAILED", code, [])
        assert len(mails_to(cloud, address)) == 1

    return case


def is_not_mailed(notice: str) -> Case:
    """The picture is there, the mail is not, and the record says so."""

    def case(cloud: LocalCloud) -> None:
        address = person()
        job_id = ask(cloud, address)
        wait_for_status(cloud, address, job_id, "SUCCEEDED")
        view = read(cloud, address, job_id)
        assert view["notice"]["state"] == notice
        assert len(view["images"]) == 1
        assert mails_to(cloud, address) == []

    return case


def cannot_list(cloud: LocalCloud) -> None:
    answer = cloud.http("GET", "/v1/images", token=cloud.token(person()))
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")


def waits_for_the_moderator(cloud: LocalCloud) -> None:
    """A moderator that cannot read its policy lets nothing through; the state tries again."""
    forget(cloud, "ModeratePromptFunction")
    address = person()
    job_id = ask(cloud, address)
    states = cloud.client("stepfunctions")

    def failed() -> bool:
        events = states.get_execution_history(executionArn=execution_arn(cloud, job_id))["events"]
        return any("ModeratorUnavailableError" in json.dumps(event, default=str) for event in events)

    cloud.wait_until(failed, "the moderator's failure", 20)
    assert read(cloud, address, job_id)["status"] in ("QUEUED", "MODERATING")
    states.stop_execution(executionArn=execution_arn(cloud, job_id))


def loses_the_completion(outcome: str | None) -> Case:
    """The message fails, the request waits. AWS would repeat it and then keep it; the emulator does neither."""

    def case(cloud: LocalCloud) -> None:
        before = denials(cloud, "ResumeOnCompletionFunction")
        address = person()
        job_id = ask(cloud, address)
        cloud.wait_until(lambda: denials(cloud, "ResumeOnCompletionFunction") > before, "a denial in the log")
        assert read(cloud, address, job_id)["status"] == "GENERATING"
        (attempt,) = attempts_of(cloud, job_id)
        assert attempt.get("outcome", {}).get("S") == outcome
        assert mails_to(cloud, address) == []
        cloud.client("stepfunctions").stop_execution(executionArn=execution_arn(cloud, job_id))

    return case


def closes_by_the_event_instead(cloud: LocalCloud) -> None:
    """The failure path fails too, so the execution's own FAILED event closes the job, with the general code."""
    cloud.faults({"kind": "fail", "at": "before"})
    fails("internal_error")(cloud)


def loses_the_end_of_an_execution(cloud: LocalCloud) -> None:
    """The event fails and the job stays open, for the sweep to find."""
    before = denials(cloud, "CloseLostJobFunction")
    address = person()
    cloud.faults({"kind": "lose"})
    job_id = ask(cloud, address)
    wait_for_status(cloud, address, job_id, "GENERATING")
    cloud.client("stepfunctions").stop_execution(executionArn=execution_arn(cloud, job_id))
    cloud.wait_until(lambda: denials(cloud, "CloseLostJobFunction") > before, "a denial in the log")
    assert read(cloud, address, job_id)["status"] == "GENERATING"
    assert mails_to(cloud, address) == []


def link_fails(cloud: LocalCloud) -> None:
    address, _ = MADE[cloud.api_base]
    (link,) = links_in(cloud.wait_for_mail(address))
    answer = cloud.http("GET", link)
    assert answer.status_code == 500


def link_leads_to_what_s3_refuses(cloud: LocalCloud) -> None:
    address, _ = MADE[cloud.api_base]
    (link,) = links_in(cloud.wait_for_mail(address))
    answer = cloud.http("GET", link)
    assert answer.status_code == 302
    assert cloud.http("GET", answer.headers["Location"]).status_code == 403


def gallery_leads_to_what_s3_refuses(cloud: LocalCloud) -> None:
    address, job_id = MADE[cloud.api_base]
    (image,) = read(cloud, address, job_id)["images"]
    assert cloud.http("GET", image["url"]).status_code == 403


def function_fails(holder: str, event: str) -> Case:
    def case(cloud: LocalCloud) -> None:
        document = json.loads((ROOT / "events" / f"{event}.json").read_text())
        if "scheduled_time" in document:
            document["scheduled_time"] = person()  # the idempotency key: nobody has used it
        before = denials(cloud, holder)
        with pytest.raises(AssertionError, match="InternalError"):  # what AWS said stays in the function's log
            invoke(cloud, holder, document)
        cloud.wait_until(lambda: denials(cloud, holder) > before, "a denial in the log")

    return case


def scheduled_campaign_fails(cloud: LocalCloud) -> None:
    """As `function_fails`, with a time that is one."""
    document = json.loads((ROOT / "events" / "scheduler_campaign.json").read_text())
    before = denials(cloud, "StartScheduledCampaignFunction")
    with pytest.raises(AssertionError, match="InternalError"):
        invoke(cloud, "StartScheduledCampaignFunction", document)
    cloud.wait_until(lambda: denials(cloud, "StartScheduledCampaignFunction") > before, "a denial in the log")


def campaign_is_not_made(cloud: LocalCloud) -> None:
    """The call fails and says so; nothing is listed."""
    address = person()
    cloud.user(address)
    before = denials(cloud, "CampaignsApiFunction")
    answer = cloud.http("POST", "/v1/campaigns", token=cloud.token(address), body={"name": "Autumn"})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    cloud.wait_until(lambda: denials(cloud, "CampaignsApiFunction") > before, "a denial in the log")
    assert cloud.http("GET", "/v1/campaigns", token=cloud.token(address)).json()["items"] == []


def stopped_run(cloud: LocalCloud) -> dict[str, object]:
    """The ids of a run that was stopped before any of its rows began."""
    planted = PlantedCampaign(cloud, person(), [{"prompt": PROMPT}])
    planted.begin(start=False, status=RunStatus.STOPPED)
    return {"campaign_id": planted.id, "run_id": "first", "leg": 1}


def results_are_not_written(cloud: LocalCloud) -> None:
    before = denials(cloud, "WriteCampaignResultsFunction")
    with pytest.raises(AssertionError, match="InternalError"):
        invoke(cloud, "WriteCampaignResultsFunction", stopped_run(cloud) | {"after": 0})
    cloud.wait_until(lambda: denials(cloud, "WriteCampaignResultsFunction") > before, "a denial in the log")


def sheet_is_not_drawn(cloud: LocalCloud) -> None:
    """The state hears an error that it tries again; its own function logs no words of AWS."""
    ids = stopped_run(cloud)
    plan = {"leg": 1, "tiles": [{"label": "1", "mark": "failed"}], "per_sheet": 48}
    plan |= {"title": "Autumn", "day": "22 November 2026", "left_out": 0}
    folder = f"campaigns/{ids['campaign_id']}/runs/first/"
    s3, bucket = cloud.client("s3"), cloud.outputs["BucketName"]
    s3.put_object(Bucket=bucket, Key=f"{folder}sheets.json", Body=json.dumps(plan).encode())
    with pytest.raises(AssertionError, match="StoreUnavailableError"):
        invoke(cloud, "DrawContactSheetFunction", ids | {"sheet": 1})
    assert [
        entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket, Prefix=f"{folder}sheet-").get("Contents", [])
    ] == []


def pictures_are_not_packed(cloud: LocalCloud) -> None:
    ids = stopped_run(cloud)
    invoke(cloud, "WriteCampaignResultsFunction", ids | {"after": 0})
    before = denials(cloud, "ZipCampaignPicturesFunction")
    with pytest.raises(AssertionError, match="InternalError"):
        invoke(cloud, "ZipCampaignPicturesFunction", ids)
    cloud.wait_until(lambda: denials(cloud, "ZipCampaignPicturesFunction") > before, "a denial in the log")


def row_is_not_begun(cloud: LocalCloud) -> None:
    """A state that waits for a token hears by it that its function may not read."""
    before = denials(cloud, "RunCampaignRowFunction")
    invoke(cloud, "RunCampaignRowFunction", json.loads((ROOT / "events" / "state_run_campaign_row.json").read_text()))
    cloud.wait_until(lambda: denials(cloud, "RunCampaignRowFunction") > before, "a denial in the log")


def cannot_erase(cloud: LocalCloud) -> None:
    """The call fails and says so; the record, which goes last, is still there to ask again."""
    address, job_id = make_picture(cloud)
    before = denials(cloud, "OwnerApiFunction")
    answer = cloud.http("DELETE", f"/v1/images/{job_id}", token=cloud.token(address))
    assert answer.status_code in (500, 503)  # S3 answers a refused deletion with 200 and a list
    if answer.status_code == 500:
        cloud.wait_until(lambda: denials(cloud, "OwnerApiFunction") > before, "a denial in the log")
    assert "status" in job_item(cloud, job_id)


def fails_for_an_admin(method: str, path: str) -> Case:
    """The call fails and says so. `WHOM` in the path is somebody of the pool."""

    def case(cloud: LocalCloud) -> None:
        before = denials(cloud, "AdminApiFunction")
        whole = f"/v1/admin/{path.replace('WHOM', cloud.user(person()))}"
        answer = cloud.http(method, whole, token=admin_token(cloud))
        assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
        cloud.wait_until(lambda: denials(cloud, "AdminApiFunction") > before, "a denial in the log")

    return case


def holds_nothing(cloud: LocalCloud) -> None:
    """A state that waits for a token hears by it that its function may not write."""
    before = denials(cloud, "HoldForReviewFunction")
    invoke(cloud, "HoldForReviewFunction", json.loads((ROOT / "events" / "state_hold_for_review.json").read_text()))
    cloud.wait_until(lambda: denials(cloud, "HoldForReviewFunction") > before, "a denial in the log")


def shows_nothing_that_is_held(cloud: LocalCloud) -> None:
    before = denials(cloud, "HeldApiFunction")
    answer = cloud.http("GET", "/v1/admin/held", token=admin_token(cloud))
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    cloud.wait_until(lambda: denials(cloud, "HeldApiFunction") > before, "a denial in the log")


def writes_no_progress(cloud: LocalCloud) -> None:
    """The server only notes that it cannot, so this asks with the container's own credentials."""
    with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
        write_progress(cloud)


def write_progress(cloud: LocalCloud, key: str = "jobs/nobody/progress.json") -> None:
    address = f"{cloud.settings.runtime_url}/_credentials"
    keys = httpx.get(address, headers={"Authorization": credentials_token(cloud.settings)}, trust_env=False).json()
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["Token"], region_name="us-east-1")
    client = session.client("s3", endpoint_url=cloud.settings.emulator_url)
    client.put_object(Bucket=cloud.outputs["BucketName"], Key=key, Body=b"{}")


def gets_no_form(cloud: LocalCloud) -> None:
    before = denials(cloud, "UploadsApiFunction")
    body = {"content_type": "image/png"}
    answer = cloud.http("POST", "/v1/uploads", token=cloud.token(person()), body=body)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    cloud.wait_until(lambda: denials(cloud, "UploadsApiFunction") > before, "a denial in the log")


# One delivered request per cloud, for the cases that need a picture that is there.
MADE: dict[str, tuple[str, str]] = {}

CASES: dict[tuple[str, str], Case] = {
    ("RequestsApiFunction", "RecordAndRead"): refuses_at_the_door(500, "internal_error"),
    ("RequestsApiFunction", "StartWorkflow"): is_left_to_the_sweep,
    ("RequestsApiFunction", "FindOwnAddress"): refuses_at_the_door(500, "internal_error"),
    ("RequestsApiFunction", "ListOwn"): cannot_list,
    ("RequestsApiFunction", "ReadPicturesAndProgress"): gallery_leads_to_what_s3_refuses,
    ("UploadsApiFunction", "ReadAccount"): gets_no_form,
    ("AdminApiFunction", "ReadRecords"): fails_for_an_admin("GET", "admission"),
    ("AdminApiFunction", "DecideAboutOwners"): fails_for_an_admin("POST", "users/WHOM/disable"),
    ("AdminApiFunction", "FindOpenJobs"): fails_for_an_admin("GET", "jobs"),
    ("AdminApiFunction", "AdministerPeople"): fails_for_an_admin("GET", "users"),
    ("AdminApiFunction", "ChangeSwitches"): fails_for_an_admin("GET", "quotas"),
    ("AdminApiFunction", "StartErasing"): fails_for_an_admin("DELETE", "users/WHOM"),
    ("AdminApiFunction", "LiftSuppressionOfAccount"): fails_for_an_admin("DELETE", "suppressions/WHOM"),
    # The emulator judges no keys, so GiveQuotaBack lets it write; but an end, as this prompt has, begins with a read.
    ("ModeratePromptFunction", "AdvanceJob"): fails("internal_error", {"prompt": "a n u d e portrait"}),
    ("ModeratePromptFunction", "ReadPolicy"): waits_for_the_moderator,
    ("StartGenerationFunction", "AdvanceJobAndRegister"): fails("internal_error"),
    ("StartGenerationFunction", "WriteInput"): fails("internal_error"),
    ("StartGenerationFunction", "Invoke"): fails("internal_error"),
    ("ResumeOnCompletionFunction", "SettleAttempt"): loses_the_completion(None),
    ("ResumeOnCompletionFunction", "AnswerToken"): loses_the_completion("succeeded"),
    ("SealPicturesFunction", "ReadJobAndPictures"): fails("invalid_result"),
    ("SealPicturesFunction", "WriteSealed"): fails("temporarily_unavailable"),
    ("SealPicturesFunction", "ReadSigningKey"): fails("signing_key_invalid"),
    ("ReviewImagesFunction", "AdvanceJob"): fails("internal_error"),
    ("ReviewImagesFunction", "ReadResultAndQuarantine"): fails("invalid_result"),
    ("ReviewImagesFunction", "Publish"): fails("internal_error"),
    ("HoldForReviewFunction", "HoldJob"): holds_nothing,
    ("RefuseHeldFunction", "EndJob"): function_fails("RefuseHeldFunction", "state_refuse_held"),
    ("HeldApiFunction", "FindHeld"): shows_nothing_that_is_held,
    ("NotifyRequesterFunction", "SendMail"): is_not_mailed("failed"),
    ("NotifyRequesterFunction", "MakeLinks"): is_not_mailed("failed"),
    ("NotifyRequesterFunction", "ReadThumbnails"): is_not_mailed("failed"),
    ("RecordMailOutcomeFunction", "NoteOnJob"): function_fails("RecordMailOutcomeFunction", "sns_mail_reject"),
    ("RecordMailOutcomeFunction", "Suppress"): function_fails("RecordMailOutcomeFunction", "sns_mail_complaint"),
    ("PublicLinkFunction", "FindLink"): link_fails,
    ("PublicLinkFunction", "PresignPublished"): link_leads_to_what_s3_refuses,
    **{
        ("OwnerApiFunction", sid): cannot_erase
        for sid in ("EndAndEraseJob", "LeaveTombstone", "FindObjects", "EraseObjects", "StopWorkflow", "StartErasing")
    },
    **{
        ("EraseLeftoversFunction", sid): function_fails("EraseLeftoversFunction", "state_erase_leftovers")
        for sid in ("EraseJob", "FindObjects")
    },
    **{
        ("EraseOwnerFunction", sid): function_fails("EraseOwnerFunction", "state_erase_owner")
        for sid in ("FindRequests", "EraseSignIn")
    },
    ("RecordFailureFunction", "CloseJob"): closes_by_the_event_instead,
    ("CloseLostJobFunction", "CloseJob"): loses_the_end_of_an_execution,
    ("CloseAdmissionFunction", "WriteSwitch"): function_fails("CloseAdmissionFunction", "sns_alarm_failed_share"),
    ("SweepOpenJobsFunction", "FindOpenJobs"): function_fails("SweepOpenJobsFunction", "schedule_sweep"),
    ("StartScheduledRequestFunction", "StartWorkflow"): leaves_a_schedule_to_the_sweep,
    ("CampaignsApiFunction", "FindOwnAddress"): campaign_is_not_made,
    ("StartScheduledCampaignFunction", "KeepCampaign"): scheduled_campaign_fails,
    ("SweepCampaignRunsFunction", "FindActive"): function_fails("SweepCampaignRunsFunction", "schedule_sweep"),
    ("CheckCampaignFunction", "ReadCampaignAndAccount"): function_fails("CheckCampaignFunction", "check_campaign"),
    ("BeginCampaignRunFunction", "ReadRun"): function_fails("BeginCampaignRunFunction", "state_begin_campaign_run"),
    ("WriteCampaignResultsFunction", "WriteResults"): results_are_not_written,
    ("DrawContactSheetFunction", "WriteSheet"): sheet_is_not_drawn,
    ("TellCampaignFunction", "ReadRunAndWhoIsLeftAlone"): function_fails("TellCampaignFunction", "state_tell_campaign"),
    ("ZipCampaignPicturesFunction", "WriteZips"): pictures_are_not_packed,
    ("RunCampaignRowFunction", "ReadRunAndJob"): row_is_not_begun,
    ("SettleCampaignRunFunction", "SettleRun"): function_fails(
        "SettleCampaignRunFunction", "state_settle_campaign_run"
    ),
    ("ModelRole", "ReadJobs"): fails("generation_failed"),
    ("ModelRole", "WritePictures"): fails("storage_failed"),
    ("ModelRole", "WriteProgress"): writes_no_progress,
}


@pytest.fixture
def made(cloud: LocalCloud) -> tuple[str, str]:
    if cloud.api_base not in MADE:
        MADE[cloud.api_base] = make_picture(cloud)
    return MADE[cloud.api_base]


@pytest.mark.parametrize(("holder", "sid"), CASES, ids=lambda name: name.removesuffix("Function"))
def test_without_the_statement_what_needed_it_fails(
    cloud: LocalCloud, made: tuple[str, str], holder: str, sid: str
) -> None:
    with without(cloud, holder, sid):
        CASES[holder, sid](cloud)


def test_with_its_statement_the_container_writes_progress_and_nothing_beside_it(cloud: LocalCloud) -> None:
    write_progress(cloud)
    with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
        write_progress(cloud, "jobs/nobody/cancel")


def test_with_every_statement_back_a_request_succeeds(cloud: LocalCloud) -> None:
    address, job_id = make_picture(cloud)
    (link,) = links_in(cloud.wait_for_mail(address))
    answer = cloud.http("GET", link)
    assert answer.status_code == 302
    assert cloud.http("GET", answer.headers["Location"]).content.startswith(b"\x89PNG")
    assert "notice" in job_item(cloud, job_id)


def test_the_cases_are_of_statements_that_are_judged_here_and_of_every_function() -> None:
    judged = {(grant.holder, grant.sid) for grant in GRANTS if grant.judged in (EVALUATED, STAND_IN)}
    assert set(CASES) <= judged
    assert {holder for holder, _ in CASES} == {holder for holder, _ in judged}
