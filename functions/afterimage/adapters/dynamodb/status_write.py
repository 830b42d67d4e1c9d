"""One status write as the arguments of an UpdateItem: pure, so that the expression can be read in one place."""

from __future__ import annotations

from afterimage.adapters.dynamodb.items import Item, attribute
from afterimage.domain.job import StatusChange
from afterimage.domain.status import JobStatus
from afterimage.ports import REPLACED, JobChanges, Phase


def status_write(
    to: JobStatus, at_ms: int, changes: JobChanges, sources: tuple[JobStatus, ...], *, enters: bool
) -> Item:
    """Return expressions that write `to` over one of `sources`. Only a write that `enters` the status adds to the
    timeline; a final status leaves the index of open jobs."""
    names = {"#status": "status", "#open": "open"}
    values = {":to": attribute(to), ":at": attribute(at_ms)}
    sets = ["#status = :to", "updated_at_ms = :at"]
    if enters:
        values[":entered"] = attribute((StatusChange(status=to, at_ms=at_ms),))
        sets.append("timeline = list_append(timeline, :entered)")
    for name in REPLACED:
        if (changed := getattr(changes, name)) is not None:
            names[f"#{name}"], values[f":{name}"] = name, attribute(changed)
            sets.append(f"#{name} = :{name}")
    if changes.decisions:
        values[":decisions"] = attribute(changes.decisions)
        sets.append("decisions = list_append(decisions, :decisions)")
    removal = ""
    if phase := Phase.of(to):
        values[":open"] = attribute(phase)
        sets.append("#open = :open")
    else:
        removal = " REMOVE #open"
    allowed = {f":from{index}": attribute(source) for index, source in enumerate(sources)}
    return {
        "UpdateExpression": f"SET {', '.join(sets)}{removal}",
        "ConditionExpression": f"#status IN ({', '.join(allowed)})",
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values | allowed,
    }
