"""HTTP, for admins: people and their quotas, general quotas, the admission switch, suppressed addresses, all jobs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query

from afterimage.adapters.admission_switch import AdmissionSwitch
from afterimage.adapters.aws import client
from afterimage.adapters.cognito import CognitoDirectory
from afterimage.adapters.dynamodb.accounts import DynamoAccountStore
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.dynamodb.owners import DynamoOwnerStore
from afterimage.adapters.dynamodb.suppressions import DynamoSuppressionStore
from afterimage.adapters.erasure_machines import ErasureMachines
from afterimage.adapters.mail.ses_list import SesAccountList
from afterimage.adapters.parameters import OperatorParameters
from afterimage.adapters.quotas_parameter import QuotasParameter
from afterimage.domain.recipients import MAX_ADDRESS_CHARACTERS, Caller
from afterimage.domain.strikes import StrikeRules
from afterimage.http.admin_schemas import (
    AdminJobList,
    AdminJobView,
    AdmissionBody,
    AdmissionView,
    PersonList,
    PersonQuotaView,
    QuotaBody,
    QuotasBody,
    SuppressionView,
    admin_job_view,
    admission_view,
    general_quotas_view,
    person_quota_view,
    person_view,
    suppression_view,
)
from afterimage.http.application import answer, application, problems
from afterimage.http.caller import signed_in_admin
from afterimage.http.schemas import Erasing
from afterimage.ports import (
    AccountStore,
    Clock,
    Directory,
    Erasures,
    JobStore,
    MailService,
    OwnerStore,
    SuppressionStore,
)
from afterimage.settings import AdminApiSettings, read_settings
from afterimage.telemetry import count, environment, logger, metrics, now_ms
from afterimage.usecases.administer_mail import lift_suppression, read_suppression
from afterimage.usecases.administer_people import (
    PersonNow,
    erase_person,
    forgive_person,
    override_quota,
    read_person,
    switch_person,
)
from afterimage.usecases.look_at_jobs import look_at_job, open_jobs

app = application()
MAX_PAGE = 50
Username = Annotated[
    str,
    Path(
        description="A person's user name or address, or `client:ID` or `schedule:NAME`.", min_length=1, max_length=254
    ),
]
Address = Annotated[str, Path(description="A mail address.", min_length=3, max_length=MAX_ADDRESS_CHARACTERS)]


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    accounts: AccountStore
    directory: Directory
    owners: OwnerStore
    erasures: Erasures
    jobs: JobStore
    suppressions: SuppressionStore
    mail_service: MailService
    switch: AdmissionSwitch
    general: QuotasParameter
    strike_rules: Callable[[], StrikeRules]
    clock: Clock


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(AdminApiSettings, environment())
    parameters = OperatorParameters(client("ssm"))
    return Dependencies(
        accounts=DynamoAccountStore(client("dynamodb"), settings.table_name),
        directory=CognitoDirectory(client("cognito-idp"), settings.user_pool_id),
        owners=DynamoOwnerStore(client("dynamodb"), settings.table_name),
        erasures=ErasureMachines(client("stepfunctions"), now_ms, owner_arn=settings.erase_owner_machine_arn),
        jobs=DynamoJobStore(client("dynamodb"), settings.table_name),
        suppressions=DynamoSuppressionStore(client("dynamodb"), settings.table_name),
        mail_service=SesAccountList(client("sesv2")),
        switch=AdmissionSwitch(client("ssm"), settings.admission_parameter),
        general=QuotasParameter(client("ssm"), settings.quotas_parameter),
        strike_rules=lambda: parameters.strike_rules(settings.strikes_parameter),
        clock=now_ms,
    )


def _deps() -> Dependencies:
    deps: Dependencies = app.context["deps"]
    return deps


def _admin() -> Caller:
    """Return the caller, who is an admin that nobody has disabled. Raises AdminOnlyError, AccountDisabledError."""
    caller = signed_in_admin(app)
    _deps().accounts.find(caller.owner).check()
    return caller


def _changed(caller: Caller, what: str, **facts: Any) -> None:
    """Every change is on record with who made it. `whom` is an owner, never an address."""
    logger.info("changed by an admin", admin=caller.owner, what=what, **facts)
    count("AdminChange")


def _answers(model: Any, *statuses: int) -> dict[int, Any]:
    described = {200: {"description": "As it is now", "content": {"application/json": {"model": model}}}}
    return described | problems(401, 403, *statuses, 500, 503)


@app.get("/v1/admin/users", summary="List the people", responses=_answers(PersonList, 422), tags=["admin"])
def get_users(
    limit: Annotated[int, Query(description="People on a page.", ge=1, le=MAX_PAGE)] = 20,
    cursor: Annotated[str | None, Query(description="From the page before.", min_length=1, max_length=4096)] = None,
) -> Response[PersonList]:
    """List the directory as it answers, which is in no order."""
    _admin()
    page = _deps().directory.list_people(limit, cursor)
    return answer(PersonList(items=[person_view(person) for person in page.people], cursor=page.cursor))


@app.get(
    "/v1/admin/users/<username>/quota",
    summary="Somebody's quota and use",
    responses=_answers(PersonQuotaView, 404, 422),
    tags=["admin"],
)
def get_quota(username: Username) -> Response[PersonQuotaView]:
    """Say what holds for somebody."""
    _admin()
    return _person(_read(username))


@app.put(
    "/v1/admin/users/<username>/quota",
    summary="Give somebody a quota of their own",
    responses=_answers(PersonQuotaView, 400, 404, 415, 422),
    tags=["admin"],
)
def put_quota(username: Username, body: Annotated[QuotaBody, Body()]) -> Response[PersonQuotaView]:
    """Put all three bounds in place of the general ones."""
    caller, deps = _admin(), _deps()
    owner = override_quota(username, body.to_quota(), accounts=deps.accounts, directory=deps.directory)
    _changed(caller, "quota", whom=owner, **body.model_dump())
    return _person(_read(username))


@app.delete(
    "/v1/admin/users/<username>/quota",
    summary="Take somebody's own quota away",
    responses=_answers(PersonQuotaView, 404, 422),
    tags=["admin"],
)
def delete_quota(username: Username) -> Response[PersonQuotaView]:
    """Let the general bounds hold again."""
    caller, deps = _admin(), _deps()
    owner = override_quota(username, None, accounts=deps.accounts, directory=deps.directory)
    _changed(caller, "quota removed", whom=owner)
    return _person(_read(username))


@app.post(
    "/v1/admin/users/<username>/disable",
    summary="Refuse somebody from now on",
    description="They are signed out, and tokens that are still valid are refused, but to cancel and to erase what is"
    " theirs. Work in hand goes on.",
    responses=_answers(PersonQuotaView, 404, 409, 422),
    tags=["admin"],
)
def post_disable(username: Username) -> Response[PersonQuotaView]:
    """Disable somebody."""
    return _switch(username, disabled=True)


@app.post(
    "/v1/admin/users/<username>/enable",
    summary="Serve somebody again",
    responses=_answers(PersonQuotaView, 404, 409, 422),
    tags=["admin"],
)
def post_enable(username: Username) -> Response[PersonQuotaView]:
    """Enable somebody."""
    return _switch(username, disabled=False)


def _switch(username: str, *, disabled: bool) -> Response[PersonQuotaView]:
    caller, deps = _admin(), _deps()
    owner = switch_person(username, disabled, caller, accounts=deps.accounts, directory=deps.directory)
    _changed(caller, "disabled" if disabled else "enabled", whom=owner)
    return _person(_read(username))


@app.post(
    "/v1/admin/users/<username>/forgive",
    summary="Forget somebody's strikes",
    description="A cool-down ends with them. A repeat answers the same.",
    responses=_answers(PersonQuotaView, 404, 422),
    tags=["admin"],
)
def post_forgive(username: Username) -> Response[PersonQuotaView]:
    """Let somebody ask again who was blocked too often."""
    caller, deps = _admin(), _deps()
    owner = forgive_person(username, accounts=deps.accounts, directory=deps.directory)
    _changed(caller, "forgiven", whom=owner)
    return _person(_read(username))


@app.delete(
    "/v1/admin/users/<username>",
    summary="Erase everything of somebody",
    description="Begins to erase every request, picture and link of theirs, their counters, and a person's sign-in."
    " Nothing new of theirs is accepted from then on. It cannot be undone.",
    status_code=HTTPStatus.ACCEPTED,
    responses={202: {"description": "Erasing has begun", "content": {"application/json": {"model": Erasing}}}}
    | problems(401, 403, 404, 409, 422, 500, 503),
    tags=["admin"],
)
def delete_user(username: Username) -> Response[Erasing]:
    """Have everything of somebody erased; it takes some minutes."""
    caller, deps = _admin(), _deps()
    owner = erase_person(
        username, caller, directory=deps.directory, owners=deps.owners, erasures=deps.erasures, clock=deps.clock
    )
    _changed(caller, "erased", whom=owner)
    return answer(Erasing(status="erasing"), HTTPStatus.ACCEPTED)


def _read(username: str) -> PersonNow:
    deps = _deps()
    return read_person(
        username,
        accounts=deps.accounts,
        directory=deps.directory,
        general=deps.general.read(),
        rules=deps.strike_rules(),
        clock=deps.clock,
    )


def _person(now: PersonNow) -> Response[PersonQuotaView]:
    return answer(person_quota_view(now.owner, now.account, now.quotas, now.usage, now.standing))


@app.get("/v1/admin/quotas", summary="The general quotas", responses=_answers(QuotasBody), tags=["admin"])
def get_quotas() -> Response[QuotasBody]:
    """Say what holds for everybody without a quota of their own, and the cap of everybody together."""
    _admin()
    return answer(general_quotas_view(_deps().general.read()))


@app.put(
    "/v1/admin/quotas",
    summary="Change the general quotas",
    description="Noticed within half a minute.",
    responses=_answers(QuotasBody, 400, 415, 422),
    tags=["admin"],
)
def put_quotas(body: Annotated[QuotasBody, Body()]) -> Response[QuotasBody]:
    """Replace all four bounds."""
    caller = _admin()
    _deps().general.write(body.to_quotas())
    _changed(caller, "general quotas", **body.model_dump())
    return answer(body)


@app.get("/v1/admin/admission", summary="Is the door open?", responses=_answers(AdmissionView), tags=["admin"])
def get_admission() -> Response[AdmissionView]:
    """Say whether new requests are taken."""
    _admin()
    return answer(admission_view(_deps().switch.read()))


@app.put(
    "/v1/admin/admission",
    summary="Open or close the door",
    description="Stops or takes new requests, of everybody; noticed within half a minute. Work in hand goes on.",
    responses=_answers(AdmissionView, 400, 415, 422),
    tags=["admin"],
)
def put_admission(body: Annotated[AdmissionBody, Body()]) -> Response[AdmissionView]:
    """Set the switch, with the time and the reason beside it."""
    caller, deps = _admin(), _deps()
    moment = datetime.fromtimestamp(deps.clock() // 1000, UTC)
    value = " ".join(part for part in (body.state, f"{moment:%Y-%m-%dT%H:%M:%SZ}", body.reason or "") if part)
    deps.switch.write(value)
    _changed(caller, "admission", state=body.state)  # the reason is in the parameter: it is an admin's free text
    return answer(admission_view(value))


@app.get(
    "/v1/admin/suppressions/<address>",
    summary="Does an address get mail?",
    description="A bounce or a complaint ends the mails to an address. Only hashes are kept, so they cannot be listed.",
    responses=_answers(SuppressionView, 404, 422),
    tags=["admin"],
)
def get_suppression(address: Address) -> Response[SuppressionView]:
    """Say whether an address is left alone, and for how long."""
    _admin()
    deps = _deps()
    return answer(suppression_view(read_suppression(address, suppressions=deps.suppressions, clock=deps.clock)))


@app.delete(
    "/v1/admin/suppressions/<address>",
    summary="Let an address have mail again",
    description="Takes it off our list and off that of the account's mail service. A repeat answers the same.",
    responses=_answers(SuppressionView, 404, 422),
    tags=["admin"],
)
def delete_suppression(address: Address) -> Response[SuppressionView]:
    """Lift the suppression of an address."""
    caller, deps = _admin(), _deps()
    address_hash = lift_suppression(address, suppressions=deps.suppressions, mail_service=deps.mail_service)
    # Enough of the hash to tell whether it was a given address, and nothing that looks one up.
    _changed(caller, "suppression lifted", suppression=address_hash[:8])
    return answer(suppression_view(None))


@app.get("/v1/admin/jobs", summary="Requests that are open", responses=_answers(AdminJobList, 422), tags=["admin"])
def get_jobs(
    limit: Annotated[int, Query(description="At most so many, longest untouched first.", ge=1, le=MAX_PAGE)] = 20,
) -> Response[AdminJobList]:
    """List open requests of everybody, without their prompts."""
    caller, deps = _admin(), _deps()
    found = open_jobs(limit, jobs=deps.jobs, clock=deps.clock)
    logger.info("read by an admin", admin=caller.owner, what="open jobs", jobs=[job.job_id for job in found])
    return answer(AdminJobList(items=[admin_job_view(job, prompt=False) for job in found]))


@app.get(
    "/v1/admin/jobs/<job_id>",
    summary="One request of anybody",
    description="Its prompt is shown only when asked for, and the look is logged.",
    responses=_answers(AdminJobView, 404, 422),
    tags=["admin"],
)
def get_job(
    job_id: Annotated[str, Path(description="The id of a request.", max_length=64)],
    prompt: Annotated[bool, Query(description="Show what was asked for.")] = False,
) -> Response[AdminJobView]:
    """Read one request, never its pictures."""
    caller, deps = _admin(), _deps()
    job = look_at_job(job_id, jobs=deps.jobs, clock=deps.clock)
    logger.info("read by an admin", admin=caller.owner, what="job", job_id=job.job_id, prompt_shown=prompt)
    return answer(admin_job_view(job, prompt=prompt))


def handle(event: dict[str, Any], deps: Dependencies, context: Any = None) -> dict[str, Any]:
    """Take an HTTP API event (payload version 2) and return its response."""
    app.append_context(deps=deps)
    return app.resolve(event, context)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Entry point of AdminApiFunction."""
    return handle(event, dependencies(), context)
