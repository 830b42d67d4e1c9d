"""One frozen settings class per handler, read from the environment when the handler is first used, never at import.

A field's name in capitals is the variable's name; a test holds these classes against `template.yaml`.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
_ANY = re.compile(r".*", re.DOTALL)
_FORMS = {int: re.compile(r"[0-9]+"), float: re.compile(r"[0-9]+(\.[0-9]+)?"), bool: re.compile(r"true|false")}
NONE = "none"  # of a name: what it would name is not used


class SettingsError(Exception):
    """Raised when variables are missing or not of their kind; lists all of them at once."""


def read_settings(cls: type[T], environment: Mapping[str, str]) -> T:
    """Build `cls` from variables. Raises SettingsError."""
    hints = typing.get_type_hints(cls)
    names = {field.name: field.name.upper() for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    wrong = sorted(
        name
        for field, name in names.items()
        if not environment.get(name) or not _FORMS.get(hints[field], _ANY).fullmatch(environment[name])
    )
    if wrong:
        raise SettingsError(f"{cls.__name__} needs these environment variables: {', '.join(wrong)}")
    return cls(**{field: _read(hints[field], environment[name]) for field, name in names.items()})


def _read(kind: Callable[[str], Any], text: str) -> Any:
    return text == "true" if kind is bool else kind(text)


@dataclass(frozen=True, kw_only=True)
class RequestsApiSettings:
    """For `handlers.requests_api`."""

    table_name: str
    bucket_name: str
    state_machine_arn: str
    user_pool_id: str
    model_profile: str
    job_ttl_days: int
    admission_parameter: str
    quotas_parameter: str
    strikes_parameter: str
    moderation_policy_parameter: str
    instance_dollars_per_hour: float


@dataclass(frozen=True, kw_only=True)
class UploadsApiSettings:
    """For `handlers.uploads_api`."""

    table_name: str
    bucket_name: str


@dataclass(frozen=True, kw_only=True)
class AdminApiSettings:
    """For `handlers.admin_api`."""

    table_name: str
    user_pool_id: str
    erase_owner_machine_arn: str
    admission_parameter: str
    quotas_parameter: str
    strikes_parameter: str


@dataclass(frozen=True, kw_only=True)
class OwnerApiSettings:
    """For `handlers.owner_api`."""

    table_name: str
    bucket_name: str
    state_machine_arn: str
    erase_leftovers_machine_arn: str
    erase_owner_machine_arn: str
    link_base: str


@dataclass(frozen=True, kw_only=True)
class CampaignsApiSettings:
    """For `handlers.campaigns_api`."""

    table_name: str
    bucket_name: str
    user_pool_id: str
    model_profile: str
    job_ttl_days: int
    admission_parameter: str
    quotas_parameter: str
    campaign_machine_arn: str
    check_campaign_function: str
    zip_campaign_pictures_function: str
    schedule_group: str
    campaign_schedule_role_arn: str
    start_scheduled_campaign_arn: str
    dead_letters_arn: str
    scalable_resource: str


@dataclass(frozen=True, kw_only=True)
class StartScheduledCampaignSettings:
    """For `handlers.start_scheduled_campaign`."""

    table_name: str
    bucket_name: str
    model_profile: str
    job_ttl_days: int
    admission_parameter: str
    quotas_parameter: str
    campaign_machine_arn: str
    check_campaign_function: str


@dataclass(frozen=True, kw_only=True)
class SweepCampaignRunsSettings:
    """For `handlers.sweep_campaign_runs`."""

    table_name: str
    bucket_name: str
    campaign_machine_arn: str
    scalable_resource: str


@dataclass(frozen=True, kw_only=True)
class EraseOwnerSettings:
    """For `handlers.erase_owner`."""

    table_name: str
    bucket_name: str
    state_machine_arn: str
    erase_leftovers_machine_arn: str
    schedule_group: str
    user_pool_id: str


@dataclass(frozen=True, kw_only=True)
class EraseLeftoversSettings:
    """For `handlers.erase_leftovers`."""

    table_name: str
    bucket_name: str


@dataclass(frozen=True, kw_only=True)
class StartScheduledRequestSettings:
    """For `handlers.start_scheduled_request`."""

    table_name: str
    state_machine_arn: str
    model_profile: str
    job_ttl_days: int
    admission_parameter: str
    quotas_parameter: str
    strikes_parameter: str


@dataclass(frozen=True, kw_only=True)
class PublicLinkSettings:
    """For `handlers.public_link`."""

    table_name: str
    bucket_name: str


@dataclass(frozen=True, kw_only=True)
class ModeratePromptSettings:
    """For `handlers.moderate_prompt`."""

    table_name: str
    bucket_name: str
    moderation_policy_parameter: str
    guardrail_id: str
    guardrail_version: str
    guardrail_pictures: bool
    use_comprehend: bool
    use_rekognition: bool
    moderation_hold_at: float
    moderation_block_at: float
    moderation_fail_open: bool


@dataclass(frozen=True, kw_only=True)
class HoldForReviewSettings:
    """For `handlers.hold_for_review`."""

    table_name: str


@dataclass(frozen=True, kw_only=True)
class RefuseHeldSettings:
    """For `handlers.refuse_held`."""

    table_name: str


@dataclass(frozen=True, kw_only=True)
class HeldApiSettings:
    """For `handlers.held_api`."""

    table_name: str
    bucket_name: str


@dataclass(frozen=True, kw_only=True)
class StartGenerationSettings:
    """For `handlers.start_generation`."""

    table_name: str
    bucket_name: str
    endpoint_name: str
    request_ttl_seconds: int
    invocation_timeout_seconds: int


@dataclass(frozen=True, kw_only=True)
class ResumeOnCompletionSettings:
    """For `handlers.resume_on_completion`."""

    table_name: str
    bucket_name: str
    endpoint_name: str


@dataclass(frozen=True, kw_only=True)
class ReviewImagesSettings:
    """For `handlers.review_images`."""

    table_name: str
    bucket_name: str
    guardrail_id: str
    guardrail_version: str
    guardrail_pictures: bool
    use_rekognition: bool
    moderation_hold_at: float
    moderation_block_at: float
    moderation_fail_open: bool


@dataclass(frozen=True, kw_only=True)
class NotifyRequesterSettings:
    """For `handlers.notify_requester`."""

    table_name: str
    bucket_name: str
    sender_address: str
    configuration_set: str
    link_base: str
    link_ttl_parameter: str


@dataclass(frozen=True, kw_only=True)
class WriteCampaignResultsSettings:
    """For `handlers.write_campaign_results`."""

    table_name: str
    bucket_name: str
    link_base: str
    link_ttl_parameter: str


@dataclass(frozen=True, kw_only=True)
class TellCampaignSettings:
    """For `handlers.tell_campaign`."""

    table_name: str
    bucket_name: str
    sender_address: str
    configuration_set: str
    link_base: str
    link_ttl_parameter: str


@dataclass(frozen=True, kw_only=True)
class ZipCampaignPicturesSettings:
    """For `handlers.zip_campaign_pictures`."""

    bucket_name: str


@dataclass(frozen=True, kw_only=True)
class RecordMailOutcomeSettings:
    """For `handlers.record_mail_outcome`."""

    table_name: str


@dataclass(frozen=True, kw_only=True)
class RecordFailureSettings:
    """For `handlers.record_failure`."""

    table_name: str


@dataclass(frozen=True, kw_only=True)
class CloseLostJobSettings:
    """For `handlers.close_lost_job`."""

    table_name: str
    notify_requester_function: str


@dataclass(frozen=True, kw_only=True)
class CloseAdmissionSettings:
    """For `handlers.close_admission`."""

    admission_parameter: str


@dataclass(frozen=True, kw_only=True)
class SweepOpenJobsSettings:
    """For `handlers.sweep_open_jobs`."""

    table_name: str
    bucket_name: str
    state_machine_arn: str
    close_lost_job_function: str
    resume_on_completion_function: str


@dataclass(frozen=True, kw_only=True)
class RunCampaignRowSettings:
    """For `handlers.run_campaign_row`."""

    table_name: str
    bucket_name: str
    state_machine_arn: str
    model_profile: str
    job_ttl_days: int
    admission_parameter: str
    quotas_parameter: str


@dataclass(frozen=True, kw_only=True)
class BeginCampaignRunSettings:
    """For `handlers.begin_campaign_run`. `scalable_resource` is `none` where the stack has no endpoint."""

    table_name: str
    bucket_name: str
    scalable_resource: str


@dataclass(frozen=True, kw_only=True)
class SettleCampaignRunSettings:
    """For `handlers.settle_campaign_run`. `scalable_resource` is `none` where the stack has no endpoint."""

    table_name: str
    scalable_resource: str


@dataclass(frozen=True, kw_only=True)
class CheckCampaignSettings:
    """For `handlers.check_campaign`."""

    table_name: str
    bucket_name: str
    model_profile: str
    quotas_parameter: str
    moderation_policy_parameter: str
    instance_dollars_per_hour: float
