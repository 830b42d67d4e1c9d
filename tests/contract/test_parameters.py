"""The operator's switches: what the adapter asks AWS, and what it makes of its refusals."""

from __future__ import annotations

import pytest
from afterimage.adapters.parameters import OperatorParameters
from afterimage.domain.errors import (
    ModeratorUnavailableError,
    PolicyInvalidError,
    QuotasInvalidError,
    StoreUnavailableError,
)
from afterimage.domain.moderation import packaged_policy
from fakes.stubbed import stubbed


def parameters(value: str | None) -> OperatorParameters:
    client, stubber = stubbed("ssm")
    if value is None:
        stubber.add_client_error("get_parameter", "ParameterNotFound")
    else:
        stubber.add_response("get_parameter", {"Parameter": {"Name": "/p", "Value": value}})
    return OperatorParameters(client)


@pytest.mark.parametrize(("value", "is_open"), [("open", True), (" Open\n", True), ("closed", False), ("?", False)])
def test_only_the_word_open_opens(value: str, is_open: bool) -> None:
    assert parameters(value).admission_is_open("/p") is is_open


def test_the_lifetime_of_links_is_in_hours() -> None:
    assert parameters("2").link_ttl_s("/p") == 7200


def test_the_policy_is_the_packaged_one_or_the_operators_own() -> None:
    assert parameters("packaged").moderation_policy("/p") is packaged_policy()
    assert parameters('{"version": "mine", "categories": []}').moderation_policy("/p").version == "mine"


def test_a_policy_that_cannot_be_read_lets_nothing_through() -> None:
    with pytest.raises(ModeratorUnavailableError):
        parameters(None).moderation_policy("/p")
    with pytest.raises(PolicyInvalidError):
        parameters("{").moderation_policy("/p")


def test_switches_that_cannot_be_read_are_not_taken_for_open_or_endless() -> None:
    with pytest.raises(StoreUnavailableError):
        parameters(None).admission_is_open("/p")
    with pytest.raises(StoreUnavailableError):
        parameters(None).link_ttl_s("/p")


def test_quotas_are_the_operators_and_when_they_cannot_be_read_nothing_is_accepted() -> None:
    text = '{"monthly_pictures": 5, "concurrent_jobs": null, "campaign_rows": 0, "daily_pictures": 9}'
    quotas = parameters(text).quotas("/p")
    assert (quotas.monthly_pictures, quotas.concurrent_jobs, quotas.daily_pictures) == (5, None, 9)
    with pytest.raises(QuotasInvalidError):
        parameters("5").quotas("/p")
    with pytest.raises(StoreUnavailableError):
        parameters(None).quotas("/p")


def test_a_parameter_is_remembered_for_a_while() -> None:
    client, stubber = stubbed("ssm")
    stubber.add_response("get_parameter", {"Parameter": {"Name": "/p", "Value": "open"}})
    remembering = OperatorParameters(client)
    assert remembering.admission_is_open("/p")
    assert remembering.admission_is_open("/p")  # the stub would refuse a second question
