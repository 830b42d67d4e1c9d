"""Three blocked requests close the door for a while, on the local cloud; an admin opens it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.journey import admin_token, ask, person, wait_for_end

if TYPE_CHECKING:
    from integration.conftest import LocalCloud

BLOCKED = {"prompt": "a nude child"}


def test_the_fourth_request_waits_until_an_admin_forgives(cloud: LocalCloud) -> None:
    address = person()
    for _ in range(3):
        view = wait_for_end(cloud, address, ask(cloud, address, BLOCKED))
        assert (view["status"], view["failure"]["code"]) == ("BLOCKED", "prompt_blocked")
    token = cloud.token(address)
    refused = cloud.http("POST", "/v1/images", token=token, body={"prompt": "a boat"})
    assert (refused.status_code, refused.json()["code"]) == (429, "cooling_down")
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    priced = cloud.http("POST", "/v1/images", token=token, body={"prompt": "a boat", "dry_run": True}).json()
    assert priced["refusal"] == "cooling_down"
    assert cloud.http("GET", "/v1/me", token=token).json()["strikes"]["cooling_until"]
    forgiven = cloud.http("POST", f"/v1/admin/users/{address}/forgive", token=admin_token(cloud))
    assert forgiven.json()["strikes"] == {"recent": 0, "bound": 3, "cooling_until": None}
    assert wait_for_end(cloud, address, ask(cloud, address))["status"] == "SUCCEEDED"
