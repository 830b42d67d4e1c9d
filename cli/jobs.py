"""An image request as the API tells it, parsed once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

SUCCEEDED = "SUCCEEDED"
HELD = "HELD"
FINAL = frozenset({SUCCEEDED, "BLOCKED", "FAILED", "CANCELLED", "EXPIRED"})
ROUTE = ("QUEUED", "MODERATING", "GENERATING", "REVIEWING", "DELIVERING")  # of a picture that nothing stops


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A status, and the second in which the request entered it."""

    status: str
    at: float


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A delivered picture. `url` opens it for a few minutes."""

    number: int
    seed: int
    width: int
    height: int
    sha256: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Job:
    """A request as it stands; `document` is what the API said, for `--json`."""

    job_id: str
    status: str
    prompt: str
    model_prompt: str
    preset: str | None
    size: tuple[int, int]
    steps: int
    guidance: float
    seeds: tuple[int, ...]
    strength: float | None
    adapter: str | None
    created_at: float
    timeline: tuple[Entry, ...]
    pictures: tuple[Picture, ...]
    warnings: tuple[str, ...]
    reason: str
    categories: tuple[str, ...]
    notice: str | None
    progress: tuple[int, int] | None
    held_until: str | None
    note: str
    document: dict[str, Any] = field(repr=False)

    @property
    def is_final(self) -> bool:
        """True once nothing follows."""
        return self.status in FINAL

    @property
    def waiting(self) -> str:
        """What the request waits for, while that is a person: with what it was held for, and until when."""
        if self.status != HELD:
            return ""
        about = f" ({', '.join(self.categories)}: {self.reason.rstrip('.')})" if self.categories else ""
        until = (
            f" Without one it is refused at {self.held_until[:16].replace('T', ' ')} UTC." if self.held_until else ""
        )
        return f"Waiting for a person to look at it{about}.{until}"

    @property
    def seconds(self) -> float:
        """From the first entry of the timeline to the last."""
        return self.timeline[-1].at - self.timeline[0].at if self.timeline else 0.0


def parse_job(document: dict[str, Any]) -> Job:
    """Return the request that `document` (ImageView of the OpenAPI description) tells of."""
    verdicts = [verdict for verdict in document["verdicts"] if verdict["action"] != "allow"]
    failure = document["failure"] or {}
    return Job(
        job_id=document["id"],
        status=document["status"],
        prompt=document["prompt"],
        model_prompt=document["model_prompt"],
        preset=document["preset"],
        size=(document["width"], document["height"]),
        steps=document["steps"],
        guidance=document["guidance"],
        seeds=tuple(document["seeds"]),
        strength=document.get("strength"),
        adapter=document.get("adapter"),
        created_at=_moment(document["created_at"]),
        timeline=tuple(Entry(status=entry["status"], at=_moment(entry["at"])) for entry in document["timeline"]),
        pictures=tuple(_picture(image) for image in document["images"]),
        warnings=(
            *(_softened(verdict) for verdict in verdicts if verdict["action"] == "soften"),
            *(warning["message"] for warning in document["warnings"]),
        ),
        reason=failure.get("sentence") or " ".join(verdict["sentence"] for verdict in verdicts),
        categories=tuple(dict.fromkeys(name for verdict in verdicts for name in verdict["categories"])),
        notice=(document["notice"] or {}).get("state"),
        progress=_progress(document.get("progress")),
        held_until=(document.get("held") or {}).get("until"),
        note=next((verdict["note"] for verdict in reversed(document["verdicts"]) if verdict.get("note")), ""),
        document=document,
    )


def _softened(verdict: dict[str, Any]) -> str:
    """Return the sentence and what was changed, where the service tells (an older one does not)."""
    changes = [f"“{change['found']}” became “{change['put']}”" for change in verdict.get("replaced", [])]
    return " ".join([verdict["sentence"], f"{', '.join(changes)}." if changes else ""]).strip()


def _progress(told: dict[str, int] | None) -> tuple[int, int] | None:
    """Steps done and steps in all, where the service has news of them (an older one tells of none)."""
    return (told["step"], told["steps"]) if told else None


def _picture(image: dict[str, Any]) -> Picture:
    return Picture(
        number=image["number"],
        seed=image["seed"],
        width=image["width"],
        height=image["height"],
        sha256=image["sha256"],
        url=image["url"],
    )


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
