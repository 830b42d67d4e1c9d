"""Every error of the product, as one tree.

    AfterimageError
    ├── RejectedError        the caller's doing; asking again changes nothing
    │   ├── InvalidRequestError
    │   │   ├── UnknownPresetError
    │   │   ├── InvalidCursorError
    │   │   └── CampaignInvalidError
    │   ├── AccessTokenNeededError
    │   ├── AccountDisabledError
    │   ├── AdminOnlyError
    │   ├── ProgramErasureError
    │   ├── PersonNotFoundError
    │   ├── OwnAccountError
    │   ├── RecipientNotPermittedError
    │   ├── OwnerErasingError
    │   ├── JobNotFoundError
    │   ├── JobClosedError
    │   ├── NotHeldError
    │   ├── AlreadyDecidedError
    │   ├── IdempotencyConflictError
    │   ├── LinkNotFoundError
    │   ├── LinkExpiredError
    │   ├── NothingToShareError
    │   ├── TooManyLinksError
    │   ├── AdmissionClosedError
    │   ├── QuotaExceededError
    │   │   ├── MonthlyQuotaReachedError
    │   │   ├── TooManyOpenRequestsError
    │   │   ├── DailyCapReachedError
    │   │   ├── TooManyUploadsError
    │   │   └── CoolingDownError
    │   ├── CampaignNotFoundError
    │   ├── CampaignStateError
    │   ├── RunHaltedError
    │   ├── UploadNotFoundError
    │   ├── InputGoneError
    │   └── GenerationRefusedError
    ├── TransientError       may pass; Step Functions retries these by name
    │   ├── StoreUnavailableError
    │   ├── EngineUnavailableError
    │   ├── ModeratorUnavailableError
    │   ├── SigningKeyUnavailableError
    │   ├── WorkflowUnavailableError
    │   ├── MailUnavailableError
    │   ├── NoticeInFlightError
    │   ├── CampaignChangedError
    │   ├── RowDeferredError
    │   └── UnknownInferenceError
    └── FailedError          ours; final
        ├── GenerationFailedError
        ├── InvalidResultError
        ├── SealingFailedError
        ├── SigningKeyInvalidError
        ├── MailRefusedError
        ├── PolicyInvalidError
        ├── QuotasInvalidError
        ├── StrikesInvalidError
        ├── InternalError
        └── StoppedError

A Lambda reports an error to Step Functions by its class name, so the state machine retries the transient names above;
a test holds both lists equal. `code` is the stable machine code of the HTTP API and of a job's record, `sentence` what
a person reads; neither ever holds a prompt, an address, a token or a link.
"""

from __future__ import annotations


class AfterimageError(Exception):
    """Base of the tree. `sentence` may be given where the class's own is too general."""

    code = "internal_error"
    sentence = "Something went wrong on our side. Please try again."

    def __init__(self, sentence: str | None = None, *, code: str | None = None) -> None:
        self.sentence = sentence or type(self).sentence
        self.code = code or type(self).code
        super().__init__(self.sentence)


class RejectedError(AfterimageError):
    """The caller's doing, final: the same call would be refused again."""

    code = "rejected"
    sentence = "The request was refused."


class InvalidRequestError(RejectedError):
    """Raised when a request breaks a bound of the product or of the model it would run on."""

    code = "invalid_request"
    sentence = "The request is not valid."


class UnknownPresetError(InvalidRequestError):
    """Raised when a request names a preset that does not exist."""

    code = "unknown_preset"
    sentence = "There is no such preset. GET /v1/presets lists them."


class InvalidCursorError(InvalidRequestError):
    """Raised when a page cursor was not made by this API."""

    code = "invalid_cursor"
    sentence = "The cursor is not one that this list gave out."


class CampaignInvalidError(InvalidRequestError):
    """Raised when a campaign's settings break a rule; the code says which."""

    code = "campaign_invalid"
    sentence = "The campaign is not valid."


class AccessTokenNeededError(RejectedError):
    """Raised for an ID token: it passes the authorizer's signature check but says nothing about scopes."""

    code = "access_token_needed"
    sentence = "Send an access token, not an ID token."


class AccountDisabledError(RejectedError):
    """Raised when an admin has disabled the caller, whose token may still be valid."""

    code = "account_disabled"
    sentence = "This account has been disabled."


class AdminOnlyError(RejectedError):
    """Raised when somebody outside the group `admin` asks for what only admins may see or do."""

    code = "admin_only"
    sentence = "Only an admin may do this."


class ProgramErasureError(RejectedError):
    """Raised when a program asks to be erased as a whole: it keeps its credentials, so it would begin anew with nothing
    counted and nothing decided about it."""

    code = "program_erasure"
    sentence = "A program is erased by an admin. It may erase each of its requests itself."


class PersonNotFoundError(RejectedError):
    """Raised when an admin names somebody whom the directory does not know."""

    code = "person_not_found"
    sentence = "There is nobody of this name."


class OwnAccountError(RejectedError):
    """Raised when an admin would disable, enable or erase the account that asks."""

    code = "own_account"
    sentence = "Another admin has to do this to your own account."


class RecipientNotPermittedError(RejectedError):
    """Raised when the caller may not send mail to the address it names, or names none and has none."""

    code = "recipient_not_permitted"
    sentence = "Mail can only go to your own confirmed address."


class OwnerErasingError(RejectedError):
    """Raised when somebody asks for pictures while everything of theirs is being erased."""

    code = "being_erased"
    sentence = "Everything of yours is being erased, so nothing new is accepted."


class JobNotFoundError(RejectedError):
    """Raised when a job does not exist, has expired, or belongs to somebody else: the three look the same."""

    code = "job_not_found"
    sentence = "There is no such image request."


class JobClosedError(RejectedError):
    """Raised when work arrives for a job whose status no longer admits it: it ended, or went on without this work."""

    code = "job_closed"
    sentence = "The image request has already moved on."


class NotHeldError(RejectedError):
    """Raised when an admin decides about a request that does not wait for a person: it never did, or it ended."""

    code = "not_held"
    sentence = "This request does not wait for a person."


class AlreadyDecidedError(RejectedError):
    """Raised when another admin, or the same one, has decided otherwise about a held request."""

    code = "already_decided"
    sentence = "Somebody has already decided otherwise about this request."


class IdempotencyConflictError(RejectedError):
    """Raised when an Idempotency-Key is used again with another body."""

    code = "idempotency_key_reused"
    sentence = "This Idempotency-Key was already used with a different request."


class LinkNotFoundError(RejectedError):
    """Raised when a link was never made, was altered, or was revoked."""

    code = "link_not_found"
    sentence = "This link does not lead to a picture."


class LinkExpiredError(RejectedError):
    """Raised when a link is older than its stated lifetime."""

    code = "link_expired"
    sentence = "This link has expired."


class NothingToShareError(RejectedError):
    """Raised when a request is to be shared that has no pictures, or none yet."""

    code = "nothing_to_share"
    sentence = "There are no pictures of this request to share."


class TooManyLinksError(RejectedError):
    """Raised when a request has as many living links as one may have."""

    code = "too_many_links"
    sentence = "This request has too many links. Take them back, and share it anew."


class AdmissionClosedError(RejectedError):
    """Raised when an operator has stopped admission."""

    code = "admission_closed"
    sentence = "New requests are not being accepted right now. Please try again later."


class QuotaExceededError(RejectedError):
    """Base of the bounds on how much may be asked for. `retry_after_s` is when asking again may help."""

    code = "quota_exceeded"
    sentence = "A quota is used up."

    def __init__(self, sentence: str | None = None, *, code: str | None = None, retry_after_s: int = 0) -> None:
        super().__init__(sentence, code=code)
        self.retry_after_s = retry_after_s


class MonthlyQuotaReachedError(QuotaExceededError):
    """Raised when a request asks for more pictures than its owner's month has left."""

    code = "monthly_quota_reached"
    sentence = "This request would go beyond your pictures for this month."


class TooManyOpenRequestsError(QuotaExceededError):
    """Raised when an owner has as many open requests as may be open at a time."""

    code = "too_many_open_requests"
    sentence = "You have as many open requests as may be open at a time. Wait for one to end."


class DailyCapReachedError(QuotaExceededError):
    """Raised when a request asks for more pictures than the whole service may still make today."""

    code = "daily_cap_reached"
    sentence = "The service has taken as many pictures as it may today."


class TooManyUploadsError(QuotaExceededError):
    """Raised when an owner has asked for as many forms for input pictures as there are in a day."""

    code = "too_many_uploads"
    sentence = "You have begun as many uploads as may be begun in a day."


class CoolingDownError(QuotaExceededError):
    """Raised when so many requests of an owner were blocked that the next has to wait."""

    code = "cooling_down"
    sentence = "Several of your requests broke the content policy, so new ones are not taken for a while."


class CampaignNotFoundError(RejectedError):
    """Raised for a campaign or a run that does not exist, has expired or is somebody else's."""

    code = "campaign_not_found"
    sentence = "There is no such campaign."


class CampaignStateError(RejectedError):
    """Raised when a campaign does not stand where a step begins; the code says where it stands."""

    code = "campaign_not_ready"
    sentence = "The campaign's rows have not been checked, or have faults."


class RunHaltedError(RejectedError):
    """Raised when a run takes no more rows: paused, stopped, another leg, out of budget, too many failures. `reason` is
    None where the run had been halted before."""

    code = "run_halted"
    sentence = "The run takes no more rows."

    def __init__(self, sentence: str | None = None, *, code: str | None = None, reason: str | None = None) -> None:
        super().__init__(sentence, code=code)
        self.reason = reason


class UploadNotFoundError(RejectedError):
    """Raised when a request names an upload that was never sent, is older than a day, or is somebody else's."""

    code = "upload_not_found"
    sentence = "There is no such upload. Send the picture again: an upload is good for a day."


class InputGoneError(RejectedError):
    """Raised when the upload of a request was removed, or replaced by another picture, before its work began."""

    code = "input_gone"
    sentence = "The input picture was removed or replaced before work began. Send it again."


class GenerationRefusedError(RejectedError):
    """Raised when the model container refuses the job before any work: outside its limits, unknown scheduler."""

    code = "generation_refused"
    sentence = "The model cannot make this picture."


class TransientError(AfterimageError):
    """May pass: the same call is worth repeating."""

    code = "temporarily_unavailable"
    sentence = "A service that we depend on did not answer. Please try again."


class StoreUnavailableError(TransientError):
    """Raised when DynamoDB or S3 throttles or does not answer."""


class EngineUnavailableError(TransientError):
    """Raised when the inference endpoint throttles, is busy, not ready or out of memory."""

    code = "engine_unavailable"
    sentence = "The image model is not available right now."


class ModeratorUnavailableError(TransientError):
    """Raised when the moderation policy cannot be read: a moderator that does not answer is not a yes."""

    code = "moderation_unavailable"
    sentence = "The request could not be checked against the content policy."


class SigningKeyUnavailableError(TransientError):
    """Raised by imaging/ when Secrets Manager throttles or does not answer."""

    code = "signing_unavailable"
    sentence = "The picture was made, but could not be signed right now."


class WorkflowUnavailableError(TransientError):
    """Raised when Step Functions throttles or does not answer."""


class MailUnavailableError(TransientError):
    """Raised when SES throttles before accepting a mail: certainly not sent, so it may be sent again."""


class NoticeInFlightError(TransientError):
    """Raised when another run is telling the person right now, or died doing so a moment ago."""


class CampaignChangedError(TransientError):
    """Raised when a campaign was changed between reading and writing it."""

    code = "campaign_changed"
    sentence = "The campaign was changed meanwhile. Please try again."


class RowDeferredError(TransientError):
    """Raised when a row cannot begin yet, because its owner has as many open requests as allowed."""

    code = "row_deferred"
    sentence = "The row waits until other requests have ended."


class UnknownInferenceError(TransientError):
    """Raised when a completion names no inference that an attempt waits for, or cannot be read; redelivered, then kept
    as a dead letter."""


class FailedError(AfterimageError):
    """Our doing, final: repeating the same call gives the same failure."""

    code = "failed"
    sentence = "The picture could not be made."


class GenerationFailedError(FailedError):
    """Raised when the model container failed, died or ran out of time."""

    code = "generation_failed"
    sentence = "The image model failed while making the picture."


class InvalidResultError(FailedError):
    """Raised when the container's answer breaks the contract or names pictures that are not there."""

    code = "invalid_result"
    sentence = "The image model gave an answer that could not be used."


class SealingFailedError(FailedError):
    """Raised by imaging/ when the library does not sign a picture."""

    code = "sealing_failed"
    sentence = "The picture was made, but could not be marked as what it is."


class SigningKeyInvalidError(FailedError):
    """Raised by imaging/ when the secret cannot be read or used, or its certificate has ended: an operator mends it."""

    code = "signing_key_invalid"
    sentence = "The picture was made, but the service has no valid key to sign it."


class MailRefusedError(FailedError):
    """Raised when SES refuses a mail for good; the job stays SUCCEEDED and the refusal is on record."""

    code = "mail_refused"
    sentence = "The mail could not be sent to this address."


class PolicyInvalidError(FailedError):
    """Raised when the moderation policy that an operator has set cannot be read: nothing passes until it is mended."""

    code = "moderation_policy_invalid"
    sentence = "The request could not be checked against the content policy."


class QuotasInvalidError(FailedError):
    """Raised when the quotas that an operator has set cannot be read: nothing is accepted until they are mended."""

    code = "quotas_invalid"
    sentence = "The quotas of this service cannot be read."


class StrikesInvalidError(FailedError):
    """Raised when the rules of strikes that an operator has set cannot be read: nothing is accepted until they are
    mended."""

    code = "strikes_invalid"
    sentence = "The rules of this service cannot be read."


class InternalError(FailedError):
    """Raised in place of an error that we did not foresee; its own words stay in the process, for they may quote a
    request."""

    code = "internal_error"
    sentence = AfterimageError.sentence


class StoppedError(FailedError):
    """Raised (as a record, never as a Python exception in a state) when an execution was aborted from outside."""

    code = "stopped"
    sentence = "The request was stopped by an operator."


def leaves(base: type[AfterimageError]) -> tuple[type[AfterimageError], ...]:
    """Return the classes below `base` that have no children, in the order of their definition."""
    found: list[type[AfterimageError]] = []
    for child in base.__subclasses__():
        found.extend(leaves(child) or (child,))
    return tuple(found)


def is_callers_doing(name: str) -> bool:
    """True for the name of an error that says nothing about us: the same call would be refused on a good day too."""
    known = by_name(name)
    return known is not None and issubclass(known, RejectedError)


def by_name(name: str) -> type[AfterimageError] | None:
    """Return the class of the tree that Step Functions reported as `name`, None for a foreign error."""
    pending: list[type[AfterimageError]] = [AfterimageError]
    while pending:
        candidate = pending.pop()
        if candidate.__name__ == name:
            return candidate
        pending.extend(candidate.__subclasses__())
    return None
