"""What a campaign's settings may be: every rule with a code of its own, checked before anything is written."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

from afterimage.contracts.codec import ContractError, from_document, to_json
from afterimage.domain.campaign import MAX_CONCURRENCY, MAX_ROWS, CampaignSettings
from afterimage.domain.errors import CampaignInvalidError
from afterimage.domain.model_profiles import ModelProfile
from afterimage.domain.recipients import Caller, check_address, choose_recipient
from afterimage.domain.request import ImageRequest, specify
from afterimage.domain.row_fields import REQUEST_FIELDS

MAX_NAME_CHARACTERS = 100
MAX_RECIPIENTS = 20
MAX_AXES = 5
MAX_AXIS_VALUES = 100
MAX_WARM_UP_MINUTES = 30
MAX_SETTINGS_BYTES = 100_000


def checked_name(name: str) -> str:
    """Return the name with its white space put in order. Raises CampaignInvalidError."""
    tidy = " ".join(name.split())
    if not tidy or len(tidy) > MAX_NAME_CHARACTERS:
        raise CampaignInvalidError(f"A name has 1 to {MAX_NAME_CHARACTERS} characters.", code="campaign_name_invalid")
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs") for character in tidy):
        raise CampaignInvalidError("A name holds no control characters.", code="campaign_name_invalid")
    return tidy


def checked_settings(settings: CampaignSettings, profile: ModelProfile) -> CampaignSettings:
    """Return the settings. Raises CampaignInvalidError, or InvalidRequestError for a value that no request may have."""
    if not 1 <= settings.concurrency <= MAX_CONCURRENCY:
        raise CampaignInvalidError(
            f"concurrency must lie between 1 and {MAX_CONCURRENCY}.", code="concurrency_out_of_bounds"
        )
    if not 0 <= settings.warm_up_minutes <= MAX_WARM_UP_MINUTES:
        raise CampaignInvalidError(
            f"warm_up_minutes must lie between 0 and {MAX_WARM_UP_MINUTES}.", code="warm_up_out_of_bounds"
        )
    _check_bounds(settings)
    _check_size(settings)
    _check_rows(settings, profile)
    return settings


def changes_rows(before: CampaignSettings, after: CampaignSettings) -> bool:
    """True when rows that were checked before are others now."""
    return (before.defaults, before.axes) != (after.defaults, after.axes)


def permitted_recipients(
    caller: Caller, own_address: str | None, wanted: tuple[str, ...] | None, known: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Return whom a campaign tells: the caller's own address when nobody is named, nobody when there is none.

    `known` are those that the campaign has already: whoever may change it may leave them. Raises CampaignInvalidError,
    InvalidRequestError and RecipientNotPermittedError.
    """
    if wanted is None:
        return known or ((own_address,) if own_address else ())
    if len(wanted) > MAX_RECIPIENTS:
        raise CampaignInvalidError(f"A campaign tells {MAX_RECIPIENTS} addresses at most.", code="too_many_recipients")
    for address in wanted:
        check_address(address)
        if address not in known:
            choose_recipient(caller, own_address, address)
    return tuple({address.casefold(): address for address in wanted}.values())


def _check_bounds(settings: CampaignSettings) -> None:
    share, dollars = settings.max_failed_share, settings.budget_dollars
    if settings.budget_pictures is not None and settings.budget_pictures < 1:
        raise CampaignInvalidError("A budget is one picture at least.", code="budget_out_of_bounds")
    if dollars is not None and not 0 < dollars < math.inf:
        raise CampaignInvalidError("A budget is more than no dollars.", code="budget_out_of_bounds")
    if settings.max_failures is not None and settings.max_failures < 0:
        raise CampaignInvalidError("Tolerated failures are 0 or more.", code="failures_out_of_bounds")
    if share is not None and not 0 <= share <= 1:
        raise CampaignInvalidError("A tolerated share lies between 0 and 1.", code="failures_out_of_bounds")


def _check_size(settings: CampaignSettings) -> None:
    """A campaign is one item of a table, which holds 400 kB at most."""
    if len(to_json([settings.defaults, settings.axes]).encode("utf-8", "surrogatepass")) > MAX_SETTINGS_BYTES:
        raise CampaignInvalidError("Defaults and axes are too large: send them as rows.", code="settings_too_large")


def _check_rows(settings: CampaignSettings, profile: ModelProfile) -> None:
    """Names of fields, sizes of axes, and each value as a request would have it."""
    if unknown := sorted((set(settings.defaults) | set(settings.axes)) - set(REQUEST_FIELDS)):
        raise CampaignInvalidError(
            f"No field of a request: {', '.join(repr(name[:64]) for name in unknown)}.", code="unknown_field"
        )
    if both := sorted(set(settings.defaults) & set(settings.axes)):
        raise CampaignInvalidError(f"Both a default and an axis: {', '.join(both)}.", code="axis_and_default")
    if len(settings.axes) > MAX_AXES or any(not 1 <= len(v) <= MAX_AXIS_VALUES for v in settings.axes.values()):
        raise CampaignInvalidError(
            f"There are {MAX_AXES} axes at most, of 1 to {MAX_AXIS_VALUES} values.", code="axes_out_of_bounds"
        )
    if math.prod(len(values) for values in settings.axes.values()) > MAX_ROWS:
        raise CampaignInvalidError(f"The axes make more than {MAX_ROWS} rows of one.", code="axes_out_of_bounds")
    first = {name: values[0] for name, values in settings.axes.items()}
    _try(settings.defaults | first, profile)
    for name, values in settings.axes.items():
        if len({repr(value) for value in values}) < len(values):
            raise CampaignInvalidError(f"A value stands twice in the axis {name}.", code="axes_out_of_bounds")
        for value in values[1:]:
            _try(settings.defaults | first | {name: value}, profile)


def _try(fields: dict[str, Any], profile: ModelProfile) -> None:
    """Have a request of these fields specified. A field that only rows may complete is not asked for here."""
    wanted = {"prompt": "a picture"} | fields
    if (wanted.get("width") is None) != (wanted.get("height") is None):  # rows may give the other one
        wanted = {name: value for name, value in wanted.items() if name not in ("width", "height")}
    try:
        specify(from_document(ImageRequest, wanted), profile, lambda: 0)
    except ContractError as exc:
        raise CampaignInvalidError(f"Not a request: {str(exc).removeprefix('$.')}.", code="invalid_value") from exc
