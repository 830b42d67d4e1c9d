"""What admins look at and change: the directory, the general quotas, the switch for new requests."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from afterimage.adapters.admission_switch import AdmissionSwitch
from afterimage.adapters.cognito import CognitoDirectory
from afterimage.adapters.parameters import OperatorParameters
from afterimage.adapters.quotas_parameter import QuotasParameter
from afterimage.domain.account import Person
from afterimage.domain.errors import InvalidCursorError, QuotasInvalidError, StoreUnavailableError
from afterimage.domain.quotas import UNLIMITED, Quotas
from botocore.exceptions import ClientError, ParamValidationError
from botocore.stub import Stubber
from fakes.samples import ADDRESS
from fakes.stubbed import UNREACHED, stubbed, unreached

POOL, BORN = "pool_1", datetime(2026, 11, 22, 13, 45, 30, 500_000, tzinfo=UTC)
ATTRIBUTES = [{"Name": "sub", "Value": "s-1"}, {"Name": "email", "Value": ADDRESS}]
USER = {"Username": "ada", "UserCreateDate": BORN, "Enabled": True, "UserStatus": "CONFIRMED"}
ADA = Person(
    username="ada", sub="s-1", email=ADDRESS, enabled=True, status="CONFIRMED", created_at_ms=1_795_355_130_500
)
QUOTAS = Quotas(monthly_pictures=5, concurrent_jobs=None, campaign_rows=0, daily_pictures=9)


def directory() -> tuple[CognitoDirectory, Stubber]:
    client, stubber = stubbed("cognito-idp")
    return CognitoDirectory(client, POOL), stubber


class TestDirectory:
    """People, as Cognito tells of them."""

    def test_a_page_is_asked_for_by_the_cursor_of_the_one_before(self) -> None:
        people, stubber = directory()
        user = USER | {"Attributes": ATTRIBUTES}
        stubber.add_response("list_users", {"Users": [user], "PaginationToken": "t"}, {"UserPoolId": POOL, "Limit": 9})
        stubber.add_response("list_users", {"Users": []}, {"UserPoolId": POOL, "Limit": 9, "PaginationToken": "t"})
        first = people.list_people(9, None)
        assert (first.people, first.cursor) == ((ADA,), "t")
        last = people.list_people(9, first.cursor)
        assert (last.people, last.cursor) == ((), None)

    def test_a_cursor_that_cognito_does_not_know_is_the_callers_mistake(self) -> None:
        people, stubber = directory()
        stubber.add_client_error("list_users", "InvalidParameterException")
        with pytest.raises(InvalidCursorError):
            people.list_people(9, "made up")

    def test_a_cursor_that_cannot_be_one_is_the_callers_mistake(self) -> None:
        def refuse(**_: Any) -> None:
            raise ParamValidationError(report="PaginationToken")

        client, _ = stubbed("cognito-idp")
        client.meta.events.register_first("provide-client-params.cognito-idp.ListUsers", refuse)
        with pytest.raises(InvalidCursorError):
            CognitoDirectory(client, POOL).list_people(9, "🌋")

    @pytest.mark.parametrize("cursor", [None, "t"])
    def test_a_refusal_that_is_not_about_the_cursor_is_not_taken_for_it(self, cursor: str | None) -> None:
        people, stubber = directory()
        stubber.add_client_error("list_users", "InvalidParameterException" if cursor is None else "NotAuthorized")
        with pytest.raises(ClientError):
            people.list_people(9, cursor)

    def test_somebody_is_found_by_user_name_or_address(self) -> None:
        people, stubber = directory()
        answer = USER | {"UserAttributes": ATTRIBUTES}
        for name in ("ada", ADDRESS):
            stubber.add_response("admin_get_user", answer, {"UserPoolId": POOL, "Username": name})
            assert people.find_person(name) == ADA

    def test_somebody_without_an_address_who_is_disabled_is_told_as_such(self) -> None:
        people, stubber = directory()
        stubber.add_response("admin_get_user", USER | {"Enabled": False, "UserAttributes": ATTRIBUTES[:1]})
        assert people.find_person("ada") == dataclasses.replace(ADA, enabled=False, email=None)

    @pytest.mark.parametrize("code", ["UserNotFoundException", "InvalidParameterException"])
    def test_nobody_of_that_name_is_nobody(self, code: str) -> None:
        people, stubber = directory()
        stubber.add_client_error("admin_get_user", code)
        assert people.find_person("nobody") is None

    def test_what_no_user_name_can_look_like_is_nobody(self) -> None:
        asking_nobody = unreached("cognito-idp", AssertionError("asked"))
        assert CognitoDirectory(asking_nobody, POOL).find_person("") is None

    def test_who_is_switched_off_is_signed_out_too(self) -> None:
        people, stubber = directory()
        for operation in ("admin_disable_user", "admin_user_global_sign_out"):
            stubber.add_response(operation, {}, {"UserPoolId": POOL, "Username": "ada"})
        people.switch("ada", enabled=False)
        stubber.assert_no_pending_responses()

    def test_who_is_switched_on_may_sign_in(self) -> None:
        people, stubber = directory()
        stubber.add_response("admin_enable_user", {}, {"UserPoolId": POOL, "Username": "ada"})
        people.switch("ada", enabled=True)
        stubber.assert_no_pending_responses()


class TestQuotasParameter:
    """The general quotas."""

    @pytest.mark.parametrize("quotas", [QUOTAS, UNLIMITED], ids=["bounds", "none"])
    def test_what_is_written_is_what_the_door_reads(self, quotas: Quotas) -> None:
        client, stubber = stubbed("ssm")
        given: dict[str, Any] = {}
        client.meta.events.register("provide-client-params.ssm.PutParameter", lambda params, **_: given.update(params))
        text = json.dumps(dataclasses.asdict(quotas))
        stubber.add_response("put_parameter", {}, {"Name": "/q", "Type": "String", "Overwrite": True, "Value": text})
        QuotasParameter(client, "/q").write(quotas)
        stubber.assert_no_pending_responses()
        for read in (QuotasParameter(client, "/q").read, lambda: OperatorParameters(client).quotas("/q")):
            stubber.add_response("get_parameter", {"Parameter": {"Name": "/q", "Value": given["Value"]}})
            assert read() == quotas

    def test_nothing_is_remembered(self) -> None:
        client, stubber = stubbed("ssm")
        parameter = QuotasParameter(client, "/q")
        for quotas in (QUOTAS, UNLIMITED):
            value = json.dumps(dataclasses.asdict(quotas))
            stubber.add_response("get_parameter", {"Parameter": {"Value": value}}, {"Name": "/q"})
            assert parameter.read() == quotas

    @pytest.mark.parametrize("value", ["", "5", "{}", '{"monthly_pictures": -1}'])
    def test_what_cannot_be_read_is_said(self, value: str) -> None:
        client, stubber = stubbed("ssm")
        stubber.add_response("get_parameter", {"Parameter": {"Value": value}}, {"Name": "/q"})
        with pytest.raises(QuotasInvalidError):
            QuotasParameter(client, "/q").read()


class TestAdmissionSwitch:
    """The switch for new requests."""

    @pytest.mark.parametrize(
        ("act", "value", "is_open"),
        [
            (lambda switch: switch.close(), "closed", False),
            (lambda switch: switch.write("open"), "open", True),
            (lambda switch: switch.write("closed since noon: a test"), "closed since noon: a test", False),
        ],
        ids=["close", "open", "closed with a reason"],
    )
    def test_what_is_written_is_what_the_door_makes_of_it(
        self, act: Callable[[AdmissionSwitch], None], value: str, is_open: bool
    ) -> None:
        client, stubber = stubbed("ssm")
        switch = AdmissionSwitch(client, "/a")
        stubber.add_response("put_parameter", {}, {"Name": "/a", "Type": "String", "Overwrite": True, "Value": value})
        act(switch)
        for _ in range(2):
            stubber.add_response("get_parameter", {"Parameter": {"Name": "/a", "Value": value}})
        assert switch.read() == value
        assert OperatorParameters(client).admission_is_open("/a") is is_open
        stubber.assert_no_pending_responses()

    def test_nothing_is_remembered(self) -> None:
        client, stubber = stubbed("ssm")
        switch = AdmissionSwitch(client, "/a")
        for value in ("open", "closed"):
            stubber.add_response("get_parameter", {"Parameter": {"Value": value}}, {"Name": "/a"})
            assert switch.read() == value


CALLS: dict[str, tuple[str, str, Callable[[Any], Any]]] = {
    "list_people": ("cognito-idp", "list_users", lambda c: CognitoDirectory(c, POOL).list_people(9, None)),
    "find_person": ("cognito-idp", "admin_get_user", lambda c: CognitoDirectory(c, POOL).find_person("ada")),
    "enable": ("cognito-idp", "admin_enable_user", lambda c: CognitoDirectory(c, POOL).switch("ada", enabled=True)),
    "disable": ("cognito-idp", "admin_disable_user", lambda c: CognitoDirectory(c, POOL).switch("ada", enabled=False)),
    "read quotas": ("ssm", "get_parameter", lambda c: QuotasParameter(c, "/q").read()),
    "write quotas": ("ssm", "put_parameter", lambda c: QuotasParameter(c, "/q").write(QUOTAS)),
    "read switch": ("ssm", "get_parameter", lambda c: AdmissionSwitch(c, "/a").read()),
    "write switch": ("ssm", "put_parameter", lambda c: AdmissionSwitch(c, "/a").write("open")),
    "close": ("ssm", "put_parameter", lambda c: AdmissionSwitch(c, "/a").close()),
}


@pytest.mark.parametrize(("service", "operation", "call"), CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("TooManyRequestsException", 400, StoreUnavailableError),
        ("ThrottlingException", 400, StoreUnavailableError),
        ("InternalErrorException", 500, StoreUnavailableError),
        ("AccessDeniedException", 400, ClientError),
    ],
)
def test_only_what_may_pass_says_come_back(
    service: str, operation: str, call: Callable[[Any], Any], code: str, status: int, error: type[Exception]
) -> None:
    client, stubber = stubbed(service)
    stubber.add_client_error(operation, code, http_status_code=status)
    with pytest.raises(error):
        call(client)


@pytest.mark.parametrize(("service", "operation", "call"), CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("error", UNREACHED, ids=lambda error: type(error).__name__)
def test_what_is_not_reached_says_come_back(
    service: str, operation: str, call: Callable[[Any], Any], error: Exception
) -> None:
    with pytest.raises(StoreUnavailableError):
        call(unreached(service, error))
