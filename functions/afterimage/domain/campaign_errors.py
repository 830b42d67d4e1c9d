"""What can go wrong about a campaign, on the same three branches as every error (`domain.errors`)."""

from __future__ import annotations

from afterimage.domain.errors import InvalidRequestError, RejectedError, TransientError


class CampaignNotFoundError(RejectedError):
    """Raised for a campaign or a run that does not exist, has expired or is somebody else's."""

    code = "campaign_not_found"
    sentence = "There is no such campaign."


class CampaignChangedError(TransientError):
    """Raised when a campaign was changed between reading and writing it."""

    code = "campaign_changed"
    sentence = "The campaign was changed meanwhile. Please try again."


class CampaignStateError(RejectedError):
    """Raised when a campaign does not stand where a step begins; the code says where it stands."""

    code = "campaign_not_ready"
    sentence = "The campaign's rows have not been checked, or have faults."


class CampaignInvalidError(InvalidRequestError):
    """Raised when a campaign's settings break a rule; the code says which."""

    code = "campaign_invalid"
    sentence = "The campaign is not valid."


class RunHaltedError(RejectedError):
    """Raised when a run takes no more rows: paused, stopped, another leg, out of budget, too many failures. `reason` is
    None where the run had been halted before."""

    code = "run_halted"
    sentence = "The run takes no more rows."

    def __init__(self, reason: str | None = None) -> None:
        super().__init__()
        self.reason = reason


class RowDeferredError(TransientError):
    """Raised when a row cannot begin yet, because its owner has as many open requests as allowed."""

    code = "row_deferred"
    sentence = "The row waits until other requests have ended."
