"""Have the pictures of a run packed, and say how far that is."""

from __future__ import annotations

from afterimage.campaign_ports import CampaignFiles, CampaignZips
from afterimage.contracts.campaign_results import ZIP_MAKING, ZIP_READY, Results, ZipState, results_key, zip_state_key
from afterimage.contracts.codec import ContractError, from_json
from afterimage.domain.campaign import Run
from afterimage.domain.errors import CampaignNotFoundError, CampaignStateError
from afterimage.ports import Clock

# Longer than the function that packs may run: one that is silent for so long has ended.
SILENT_MS = 20 * 60_000
_MOST_BYTES = 1024 * 1024


def begin_campaign_zip(run: Run, *, files: CampaignFiles, zips: CampaignZips, clock: Clock) -> ZipState:
    """Return how the zips stand; a repeat begins nothing anew. Raises CampaignStateError before there are results."""
    try:
        text = files.read_range(results_key(run.campaign_id, run.run_id), 0, _MOST_BYTES)
    except CampaignNotFoundError as exc:
        raise CampaignStateError("The results of this run are not written yet.", code="no_results") from exc
    leg = from_json(Results, text).leg
    state = read_zip_state(run, files=files)
    if state and state.leg == leg and state.status == ZIP_READY:
        return state
    if state and state.leg == leg and state.status == ZIP_MAKING and clock() - state.at_ms < SILENT_MS:
        return state
    zips.begin(run.campaign_id, run.run_id)
    return ZipState(status=ZIP_MAKING, leg=leg, at_ms=clock())


def read_zip_state(run: Run, *, files: CampaignFiles) -> ZipState | None:
    """Return how the zips stand, None when nobody has asked for any."""
    try:
        text = files.read_range(zip_state_key(run.campaign_id, run.run_id), 0, _MOST_BYTES)
        return from_json(ZipState, text)
    except (CampaignNotFoundError, ContractError):
        return None
