"""`python -m afterimage_model fetch OWNER/NAME --into FOLDER`: the files of a hub model that a server reads."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from afterimage_model.inspection import INDEX_FILE, served_names


def main(arguments: Sequence[str]) -> int:
    """Download, print where and which commit; 1 with a sentence when the hub does not give them."""
    parser = argparse.ArgumentParser(prog="fetch", description=__doc__)
    parser.add_argument("hub_id")
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--revision", help="a commit, tag or branch; left out, the newest")
    wanted = parser.parse_args(list(arguments))
    from huggingface_hub import HfApi, snapshot_download

    try:
        info = HfApi().model_info(wanted.hub_id, revision=wanted.revision)
        names = served_names([entry.rfilename for entry in info.siblings or ()])
        if INDEX_FILE in names:
            snapshot_download(wanted.hub_id, revision=info.sha, allow_patterns=names, local_dir=wanted.into)
    except Exception as exc:  # refused, not found, no network: each comes from another library below the hub's
        print(json.dumps({"error": f"The hub did not give {wanted.hub_id}: {_first_line(exc)}"}))
        return 1
    if INDEX_FILE not in names:
        print(json.dumps({"error": f"{wanted.hub_id} has no {INDEX_FILE}, so it is no model in diffusers' format."}))
        return 1
    print(json.dumps({"folder": str(wanted.into), "commit": info.sha}))
    return 0


def _first_line(exc: Exception) -> str:
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0]
