"""Upload each distinct build of a function once, and point the template at it.

`sam deploy` would zip the folder of every function anew, though all of them are equal: on two cores that is half of the
time of a deployment. What it gets instead is what `sam package` writes: a template whose code lies in S3 already.
"""

from __future__ import annotations

import os
import re
import zipfile
from pathlib import Path
from typing import Any

from local.digest import digest_of, files_of

_CODE = re.compile(r"^(?P<before>\s+CodeUri: )(?P<folder>[A-Za-z0-9]+)$", re.MULTILINE)
_EPOCH = (1980, 1, 1, 0, 0, 0)  # a zip's oldest date, so that equal contents have equal bytes


def package(built: Path, s3: Any, bucket: str) -> Path:
    """Put the functions of the built template into `bucket`; return the template that refers to them."""
    text = (built / "template.yaml").read_text()
    locations: dict[str, str] = {}
    for folder in sorted({match["folder"] for match in _CODE.finditer(text)}):
        digest = digest_of([built / folder], relative_to=built / folder)
        if digest not in locations.values():
            s3.put_object(Bucket=bucket, Key=f"{digest}.zip", Body=archive(built / folder, built, digest).read_bytes())
        locations[folder] = digest

    def located(match: re.Match[str]) -> str:
        return f"{match['before']}s3://{bucket}/{locations[match['folder']]}.zip"

    packaged = built / f"packaged-{os.getpid()}.yaml"
    packaged.write_text(_CODE.sub(located, text))
    return packaged


def archive(folder: Path, keep_in: Path, digest: str) -> Path:
    """Return `folder` as a zip file, which is made unless there is one of that digest."""
    path = keep_in / f"{digest}.zip"
    if not path.exists():
        temporary = path.with_suffix(f".{os.getpid()}")
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as target:
            for file in sorted(files_of(folder)):
                entry = zipfile.ZipInfo(str(file.relative_to(folder)), date_time=_EPOCH)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = (0o755 if os.access(file, os.X_OK) else 0o644) << 16
                target.writestr(entry, file.read_bytes())
        temporary.replace(path)
    return path
