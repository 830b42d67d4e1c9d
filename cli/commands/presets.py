"""`afterimage presets`: the styles that `--preset` takes."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from cli.options import AsJson, Profile, Region, StackName, api_of
from cli.terminal import ACCENT, SOFT, emit_json, output, printable


def presets(as_json: AsJson = False, stack: StackName = None, profile: Profile = None, region: Region = None) -> None:
    """List the styles."""
    items = api_of(stack, profile, region).presets()
    if as_json:
        emit_json({"items": items})
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=SOFT)
    table.add_column("preset", style=ACCENT, no_wrap=True)
    table.add_column("aspect", justify="right", no_wrap=True)
    table.add_column("what it does", ratio=1)
    for item in items:
        table.add_row(*(Text(printable(str(item[name]))) for name in ("name", "aspect", "description")))
    output().print(table)
