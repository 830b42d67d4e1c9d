"""What one mail says about a leg of a run."""

from __future__ import annotations

from dataclasses import dataclass

from afterimage.domain.campaign import Run


@dataclass(frozen=True, kw_only=True)
class Digest:
    """The run as it came to rest, and ways to its results. `reasons` are a number of rows with the sentence that says
    why they have no picture, most frequent first; `sheet` is the first contact sheet, a JPEG. Names are strangers'
    text."""

    name: str
    run: Run
    reasons: tuple[tuple[int, str], ...] = ()
    manifest_link: str | None = None
    sheet_links: tuple[str, ...] = ()
    sheet: bytes | None = None
    links_expire_at_s: int = 0
