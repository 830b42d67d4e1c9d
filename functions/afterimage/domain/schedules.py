"""When a campaign runs by itself: what EventBridge Scheduler takes, checked where it is written down.

`at(2026-11-30T07:00:00)`, `cron(0 7 ? * MON-FRI *)` or `rate(1 day)`, in a time zone of the IANA list. Scheduler has
the last word about a cron expression; here is what can be told without asking it.

Not every runtime brings the database of time zones (those on Amazon Linux 2023 need not). Without it a zone is left to
Scheduler, which knows them all, and a one-time schedule comes at its own time, without the head start of a machine.
"""

from __future__ import annotations

import re
import zoneinfo
from datetime import UTC, datetime, timedelta, tzinfo

from afterimage.domain.campaign import Schedule
from afterimage.domain.errors import CampaignInvalidError

# A campaign that is at work is passed over anyway; more often than this is a mistake that costs money.
LEAST_MINUTES = 15
# How long a one-time schedule lies ahead at least, so that it is not past when it is made.
SOONEST = timedelta(minutes=1)
_AT = re.compile(r"at\((\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})\)")
_RATE = re.compile(r"rate\(([1-9]\d{0,8}) (minute|hour|day)(s?)\)")
_CRON = re.compile(r"cron\(([^\s()]+(?: [^\s()]+){5})\)")
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")
_CRON_FIELD = re.compile(r"[0-9A-Za-z*?,/#-]{1,60}")
_MINUTES = {"minute": 1, "hour": 60, "day": 1440}
_HOUR = 60


def checked_schedule(expression: str, timezone: str, now_ms: int) -> Schedule:
    """Return the schedule. Raises CampaignInvalidError with a code per rule."""
    zone = _zone(timezone)
    if at := _AT.fullmatch(expression):
        moment = _moment(at[1], zone or UTC)
        if zone and moment.timestamp() * 1000 <= now_ms:
            raise CampaignInvalidError("The time of the schedule has passed.", code="schedule_past")
    elif rate := _RATE.fullmatch(expression):
        _check_rate(int(rate[1]), rate[2], plural=bool(rate[3]))
    elif cron := _CRON.fullmatch(expression):
        _check_cron(cron[1].split(" "))
    else:
        raise _invalid("A schedule is at(2026-11-30T07:00:00), cron(0 7 ? * MON-FRI *) or rate(1 day).")
    return Schedule(expression=expression, timezone=timezone)


def is_once(schedule: Schedule) -> bool:
    """True for a schedule that comes once."""
    return schedule.expression.startswith("at(")


def fires(schedule: Schedule, ahead_minutes: int, now_ms: int) -> Schedule:
    """Return what Scheduler is told: a one-time schedule comes by so much earlier as a machine needs to be ready, and
    is said in UTC; a repeating one comes at its time, and its rows follow when the machine is ready."""
    at, zone = _AT.fullmatch(schedule.expression), _zone(schedule.timezone)
    if at is None or zone is None:
        return schedule
    moment = _moment(at[1], zone) - timedelta(minutes=ahead_minutes)
    soonest = datetime.fromtimestamp(now_ms / 1000, UTC).replace(microsecond=0) + SOONEST
    return Schedule(expression=f"at({max(moment, soonest):%Y-%m-%dT%H:%M:%S})", timezone="UTC")


def run_id_of(scheduled_time: str) -> str:
    """Return the id of the run that a scheduled time begins, as `20261122t070000z`: the same time, the same run.
    Raises ValueError for what is no time."""
    moment = datetime.fromisoformat(scheduled_time)
    return f"{moment.astimezone(UTC) if moment.tzinfo else moment:%Y%m%dt%H%M%Sz}"


def _zone(name: str) -> tzinfo | None:
    """The zone of a name, None where this runtime knows none at all. Raises CampaignInvalidError."""
    if name == "UTC":
        return UTC
    if not _ZONE.fullmatch(name):
        raise _no_zone()
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as exc:  # a name may also be that of a folder
        if _zones_are_known():
            raise _no_zone() from exc
        return None


def _zones_are_known() -> bool:
    try:
        zoneinfo.ZoneInfo.no_cache("Etc/UTC")
    except zoneinfo.ZoneInfoNotFoundError:
        return False
    return True


def _no_zone() -> CampaignInvalidError:
    return CampaignInvalidError("There is no such time zone in the IANA list.", code="unknown_timezone")


def _moment(text: str, zone: tzinfo) -> datetime:
    """Of a time that a clock shows twice the first is meant; one that it leaves out is the same time after the gap."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise _invalid("There is no such date or time.") from exc


def _check_rate(value: int, unit: str, *, plural: bool) -> None:
    if plural != (value != 1):
        raise _invalid("A rate is rate(1 hour) or rate(2 hours).")
    if value * _MINUTES[unit] < LEAST_MINUTES:
        raise CampaignInvalidError(f"A campaign runs every {LEAST_MINUTES} minutes at most.", code="schedule_too_often")


def _check_cron(fields: list[str]) -> None:
    """Minutes, hours, day of the month, month, day of the week, year; one of the two days is a question mark."""
    if not all(_CRON_FIELD.fullmatch(field) for field in fields) or (fields[2] == "?") == (fields[4] == "?"):
        raise _invalid("A cron expression has six fields, and a question mark for one of the two kinds of day.")
    minutes = sorted(_minutes(fields[0]))
    gaps = [after - before for before, after in zip(minutes, [*minutes[1:], minutes[0] + _HOUR], strict=True)]
    if min(gaps) < LEAST_MINUTES:
        raise CampaignInvalidError(f"A campaign runs every {LEAST_MINUTES} minutes at most.", code="schedule_too_often")


def _minutes(field: str) -> set[int]:
    """The minutes that the first field of a cron expression names."""
    found: set[int] = set()
    for part in field.split(","):
        match = re.fullmatch(r"(?:(\*)|(\d{1,2})(?:-(\d{1,2}))?)(?:/(\d{1,2}))?", part)
        if match is None:
            raise _invalid("The first field of a cron expression says minutes.")
        first = int(match[2] or 0)
        last = int(match[3]) if match[3] else 59 if match[1] or match[4] else first
        if not first <= last < _HOUR or match[4] == "0" or (match[4] and int(match[4]) == 0):
            raise _invalid("The first field of a cron expression says minutes.")
        found |= set(range(first, last + 1, int(match[4] or 1)))
    return found


def _invalid(sentence: str) -> CampaignInvalidError:
    return CampaignInvalidError(sentence, code="schedule_invalid")
