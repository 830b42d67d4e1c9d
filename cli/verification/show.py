"""A report for a person: a line for each layer, then what it comes to."""

from __future__ import annotations

from rich.text import Text

from cli.job_view import facts
from cli.terminal import BAD, GOOD, SOFT, WARN, output, printable
from cli.verification.findings import SYNTHETIC, Findings, Report, Signature, Verdict, Watermark

_YES, _NO, _DOUBT, _NONE = ("✓ ", GOOD), ("✗ ", f"bold {BAD}"), ("! ", WARN), ("– ", SOFT)
_STYLES = {Verdict.INTACT: GOOD, Verdict.ALTERED: f"bold {BAD}", Verdict.UNREADABLE: BAD}


def show(report: Report, *, first: bool) -> None:
    """Print it."""
    console = output()
    if not first:
        console.print()
    console.print(Text(printable(report.name), style="bold"), soft_wrap=True)
    if report.findings is not None:
        console.print(facts(_rows(report.findings)), soft_wrap=True)
    for note in report.notes:
        console.print(Text.assemble(_DOUBT, printable(note)), soft_wrap=True)
    console.print(Text(printable(report.sentence), style=_STYLES.get(report.verdict, WARN)), soft_wrap=True)


def _rows(found: Findings) -> list[tuple[str, Text]]:
    return [
        ("picture", Text(f"{found.kind}, {f'{found.width}×{found.height}' if found.width else 'broken'}")),
        ("signature", _signature(found.signature)),
        ("source type", _source_type(found.source_type)),
        ("text", _text(found)),
        ("watermark", _watermark(found.watermark)),
    ]


def _signature(signature: Signature | None) -> Text:
    if signature is None:
        return Text.assemble(_NONE, "no C2PA manifest")
    when = f", {signature.signed_at}" if signature.signed_at else ""
    by = f"in the name of {printable(signature.signer)}{when}"
    codes = (f" ({', '.join(signature.problems)})", SOFT)
    if not signature.signer:
        return Text.assemble(_NO, "cannot be read", codes)
    if not signature.fits:
        return Text.assemble(_NO, f"does not fit the file; {by}", codes)
    if not signature.known:
        return Text.assemble(_DOUBT, f"fits the file; {by}, whom no trusted root vouches for", codes)
    made = f", made as {printable(signature.source_type)}" if signature.source_type else ""
    return Text.assemble(_YES, f"fits the file; {by}{made}")


def _source_type(source_type: str) -> Text:
    if not source_type:
        return Text.assemble(_NONE, "none in XMP")
    return Text.assemble(_YES if source_type in SYNTHETIC else _DOUBT, f"{printable(source_type)}, in XMP")


def _text(found: Findings) -> Text:
    if not found.text:
        return Text.assemble(_NONE, "none")
    if not found.text_is_ours:
        return Text.assemble(_DOUBT, "not Afterimage's: ", ", ".join(printable(name) for name in found.text)[:200])
    told = [found.text.get("model", ""), *(_named(found, name) for name in ("seed", "steps", "guidance"))]
    prompt = printable(found.text.get("prompt", ""))
    shown = f"“{prompt[:100]}{'…' if len(prompt) > 100 else ''}”" if prompt else "no prompt"
    return Text.assemble(_YES, ", ".join(printable(part) for part in [*told, shown] if part))


def _named(found: Findings, name: str) -> str:
    return f"{name} {found.text[name]}" if name in found.text else ""


def _watermark(mark: Watermark) -> Text:
    if mark.not_looked:
        return Text.assemble(_NONE, f"not looked for: {mark.not_looked}")
    score = (f" (score {mark.score:g}, needs {mark.threshold:g})", SOFT)
    if not mark.found:
        return Text.assemble(_NONE, "not found", score)
    how = [] if mark.attitude == "upright" else [mark.attitude]
    how += [] if mark.scale == 1 else [f"{mark.scale:.0%} of the size it was made in"]
    return Text.assemble(_YES, ", ".join([mark.name, *how]), score)
