"""A campaign through the door, with a form for its rows and a schedule that really fires; and erasing it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from integration.conftest import LocalCloud
from integration.journey import invoke, person, resource_name

ROWS = b"prompt,seed,sku\na red circle on a blue background,1,A-1\na green square on a white background,2,A-2\n"


def test_a_schedule_fires_once_and_everything_of_a_campaign_can_be_erased(cloud: LocalCloud) -> None:
    address = person()
    cloud.user(address)

    def send(method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = cloud.http(method, f"/v1/campaigns{path}", token=cloud.token(address), body=body)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def seen() -> Any:
        return send("GET", f"/{campaign_id}")

    settings = {"defaults": {"steps": 4}, "warm_up_minutes": 0}
    campaign_id = send("POST", "", {"name": "Nightly", "settings": settings}, 201)["id"]
    form = send("POST", f"/{campaign_id}/upload", {"content_type": "text/csv"})
    with httpx.Client(trust_env=False, timeout=30) as client:
        too_large = client.post(form["url"], data=form["fields"], files={"file": b"x" * (form["max_bytes"] + 1)})
        assert too_large.status_code == 400, "S3 itself refuses it"
        elsewhere = {**form["fields"], "key": "campaigns/other/upload"}
        assert client.post(form["url"], data=elsewhere, files={"file": ROWS}).status_code == 403
        assert client.post(form["url"], data=form["fields"], files={"file": ROWS}).is_success
    send("POST", f"/{campaign_id}/check", status=202)
    cloud.wait_until(lambda: seen()["status"] == "READY", "the rows to be read")

    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=8)
    at = {"expression": f"at({moment:%Y-%m-%dT%H:%M:%S})", "timezone": "UTC"}
    send("PUT", f"/{campaign_id}/schedule", at)
    group = resource_name(cloud, "CampaignSchedules")
    # A schedule is never made to come sooner than in a minute, or it could be past when it is made.
    planned = cloud.client("scheduler").get_schedule(Name=campaign_id, GroupName=group)["ScheduleExpression"]
    fires = datetime.strptime(planned, "at(%Y-%m-%dT%H:%M:%S)")
    run = cloud.wait_until(lambda: (seen()["run"] or {}).get("status") == "FINISHED" and seen()["run"], "its run", 300)
    assert (run["id"], run["succeeded"]) == (f"{fires:%Y%m%dt%H%M%Sz}", 2)
    assert seen()["schedule"] is None, "it came once"

    again = {"campaign_id": campaign_id, "scheduled_time": f"{fires:%Y-%m-%dT%H:%M:%SZ}"}
    assert invoke(cloud, "StartScheduledCampaignFunction", again)["run_id"] == run["id"]
    assert len(send("GET", f"/{campaign_id}/runs")["items"]) == 1

    send("PUT", f"/{campaign_id}/schedule", {"expression": "rate(1 day)"})
    send("DELETE", f"/{campaign_id}", status=204)
    send("GET", f"/{campaign_id}", status=404)
    assert cloud.client("scheduler").list_schedules(GroupName=group)["Schedules"] == []
    swept = invoke(cloud, "SweepCampaignRunsFunction", {})
    assert swept["skipped"] == 0
    found = cloud.client("s3").list_objects_v2(Bucket=cloud.outputs["BucketName"], Prefix=f"campaigns/{campaign_id}/")
    assert found.get("KeyCount", 0) == 0
