"""What was found in a file, layer by layer, and what it comes to."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

TOOL = "Afterimage"
EXPIRED = "signingCredential.expired"
SYNTHETIC = ("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicMedia")
"""Of IPTC's vocabulary DigitalSourceType, what a machine made."""


@dataclass(frozen=True, kw_only=True)
class Signature:
    """A C2PA manifest. `fits`: the file is what was signed. `known`: a trusted root vouches for the signer.

    `signer` is empty where the manifest itself cannot be read.
    """

    signer: str
    issuer: str
    fits: bool
    known: bool
    problems: tuple[str, ...] = ()
    tool: str = ""
    source_type: str = ""
    signed_at: str = ""


@dataclass(frozen=True, kw_only=True)
class Watermark:
    """What the search in the pixels came to; `scale` is the picture's size over that in which it was marked.

    `not_looked` says why nobody could look.
    """

    found: bool
    not_looked: str = ""
    name: str = ""
    score: float = 0.0
    threshold: float = 0.0
    scale: float = 1.0
    attitude: str = ""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """The layers of one file. `text` is what stands in PNG text or Exif, `source_type` what XMP says; a broken file
    has no size, and a signature at most."""

    kind: str
    width: int
    height: int
    signature: Signature | None
    source_type: str
    text: dict[str, str] = field(default_factory=dict)
    watermark: Watermark

    @property
    def text_is_ours(self) -> bool:
        """Whether it is Afterimage's account of how the picture was made."""
        return self.text.get("Software") == TOOL


def findings_from(document: dict[str, Any]) -> Findings:
    """Take the document apart that the reading process wrote with `asdict`."""
    signature = document["signature"]
    layers = {
        "signature": Signature(**signature | {"problems": tuple(signature["problems"])}) if signature else None,
        "watermark": Watermark(**document["watermark"]),
    }
    return Findings(**document | layers)


class Verdict(Enum):
    """What a file comes to; the value is the exit code."""

    INTACT = 0
    ALTERED = 1
    NO_MARK = 3
    UNPROVEN = 4
    UNREADABLE = 5


@dataclass(frozen=True, kw_only=True)
class Report:
    """One file: what it comes to in one sentence, and what that rests on; no findings where it could not be read."""

    name: str
    verdict: Verdict
    sentence: str
    notes: tuple[str, ...] = ()
    findings: Findings | None = None

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        layers = asdict(self.findings) if self.findings else None
        verdict = self.verdict.name.lower()
        return {"file": self.name, "verdict": verdict, "sentence": self.sentence, "notes": self.notes, "layers": layers}


def exit_code(reports: list[Report]) -> int:
    """The worst of several files: altered, unreadable, without a mark, unproven."""
    order = (Verdict.ALTERED, Verdict.UNREADABLE, Verdict.NO_MARK, Verdict.UNPROVEN, Verdict.INTACT)
    return min((report.verdict for report in reports), key=order.index).value


def judge(name: str, findings: Findings) -> Report:
    """Say what the layers of a file come to."""
    verdict, sentence = _sentence(findings)
    return Report(name=name, verdict=verdict, sentence=sentence, notes=tuple(_notes(findings)), findings=findings)


def _sentence(found: Findings) -> tuple[Verdict, str]:
    signature, marked = found.signature, found.watermark.found
    if signature is not None and not signature.fits:
        rest = f" Its pixels still carry {TOOL}'s watermark." if marked else ""
        if not signature.signer:
            return Verdict.ALTERED, f"Altered: it was signed, and the signature can no longer be read.{rest}"
        return Verdict.ALTERED, f"Altered: this is not the file that was signed as {signature.signer}'s.{rest}"
    if signature is not None and signature.known:
        made = "Made by a machine, and unchanged" if signature.source_type in SYNTHETIC else "Unchanged"
        return Verdict.INTACT, f"{made} since {signature.signer} signed it."
    if signature is not None and EXPIRED in signature.problems:
        return Verdict.UNPROVEN, (
            f"Signed in the name of {signature.signer}, and the certificate has ended: whoever has its key by now, "
            "or made such a certificate, could have signed this."
        )
    if signature is not None:
        rest = f" Made by a machine all the same: the pixels carry {TOOL}'s watermark." if marked else ""
        return Verdict.UNPROVEN, (
            f"Signed in the name of {signature.signer}, and nobody here vouches for that: anyone can sign so.{rest}"
        )
    if marked and found.text_is_ours:
        return Verdict.UNPROVEN, (
            f"Made by a machine: the pixels carry {TOOL}'s watermark. Without a signature nothing shows whether the "
            "picture or its text was altered."
        )
    if marked:
        return Verdict.UNPROVEN, (
            f"Made by a machine: the pixels carry {TOOL}'s watermark. What {TOOL} writes into a file is gone, so it "
            "was saved anew or altered since."
        )
    if found.text_is_ours or found.source_type in SYNTHETIC:
        return (
            Verdict.UNPROVEN,
            "The file says that a machine made it. Nothing proves that: anyone can write such text.",
        )
    return Verdict.NO_MARK, (
        "No mark was found. That does not prove that it is not synthetic: marks can be removed, and most models make "
        "none."
    )


def _notes(found: Findings) -> list[str]:
    notes = []
    mark = found.watermark
    if "watermark" in found.text and not mark.found and not mark.not_looked:
        notes.append(
            "The text names a watermark that the pixels do not have: one of them was exchanged, or it is lost."
        )
    if mark.found and (size := found.text.get("size")) and size != f"{found.width}x{found.height}":
        notes.append(f"The text speaks of {size} pixels; these are {found.width}x{found.height}.")
    return notes
