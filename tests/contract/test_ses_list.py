"""The mail service's own list of addresses: what the adapter asks SES, and what it makes of its answers."""

from __future__ import annotations

import pytest
from afterimage.adapters.mail.ses_list import SesAccountList
from afterimage.domain.errors import StoreUnavailableError
from botocore.exceptions import ClientError
from fakes.samples import ADDRESS
from fakes.stubbed import UNREACHED, stubbed, unreached


@pytest.mark.parametrize("code", [None, "NotFoundException"])
def test_an_address_is_taken_off_the_list_and_one_that_is_not_on_it_is_as_good(code: str | None) -> None:
    client, stubber = stubbed("sesv2")
    if code:
        stubber.add_client_error("delete_suppressed_destination", code, http_status_code=404)
    else:
        stubber.add_response("delete_suppressed_destination", {}, {"EmailAddress": ADDRESS})
    SesAccountList(client).forgive(ADDRESS)
    stubber.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("TooManyRequestsException", 429, StoreUnavailableError),
        ("InternalFailure", 500, StoreUnavailableError),
        ("AccessDeniedException", 403, ClientError),
    ],
)
def test_a_refusal_is_no_success(code: str, status: int, error: type[Exception]) -> None:
    client, stubber = stubbed("sesv2")
    stubber.add_client_error("delete_suppressed_destination", code, http_status_code=status)
    with pytest.raises(error):
        SesAccountList(client).forgive(ADDRESS)


@pytest.mark.parametrize("error", UNREACHED, ids=lambda error: type(error).__name__)
def test_a_service_that_is_not_reached_is_told_as_ours(error: Exception) -> None:
    with pytest.raises(StoreUnavailableError):
        SesAccountList(unreached("sesv2", error)).forgive(ADDRESS)
