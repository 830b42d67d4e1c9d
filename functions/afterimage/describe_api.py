"""Write the OpenAPI description from the code: `python -m afterimage.describe_api` (`--check` only compares)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from afterimage.handlers import admin_api, campaigns_api, held_api, owner_api, public_link, requests_api, uploads_api

FILE = Path(__file__).parent / "http" / "openapi.json"
TITLE = "Afterimage"
VERSION = "1"
_DESCRIPTION = "Event-driven text-to-image. Errors are problem documents (RFC 9457) with a stable `code`."


def describe() -> str:
    """Return the description of every HTTP function as one document."""
    document: dict[str, Any] = {}
    for module in (requests_api, uploads_api, owner_api, campaigns_api, admin_api, held_api, public_link):
        text = module.app.get_openapi_json_schema(
            title=TITLE, version=VERSION, openapi_version="3.1.0", description=_DESCRIPTION
        )
        part = json.loads(text)
        for path, operations in part.pop("paths").items():
            document.setdefault("paths", {}).setdefault(path, {}).update(operations)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.update(part.pop("components", {}).get("schemas", {}))
        document = {**part, **document}
    return json.dumps(_finished(document), indent=2, sort_keys=True) + "\n"


def _finished(document: dict[str, Any]) -> dict[str, Any]:
    """Say what the generator cannot know: who must sign in, and that its own 422 body is not what we send."""
    document["components"]["securitySchemes"] = {
        "accessToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    document["servers"] = [{"url": "/"}]
    for name in ("HTTPValidationError", "ValidationError", "ResponseValidationError"):
        document["components"]["schemas"].pop(name, None)
    for path, operations in document["paths"].items():
        for operation in operations.values():
            public = path.startswith("/i/") or path in ("/v1/health", "/v1/openapi.json")
            operation["security"] = [] if public else [{"accessToken": []}]
            unprocessable = operation["responses"].get("422", {})
            unprocessable.get("content", {}).pop("application/json", None)
            if not unprocessable.get("content"):
                operation["responses"].pop("422", None)
    return document


def main() -> int:
    """Write the file, or with `--check` say whether it is what the code describes."""
    described = describe()
    if "--check" in sys.argv:
        current = FILE.exists() and FILE.read_text(encoding="utf-8") == described
        print("openapi.json is current" if current else "openapi.json is stale: run python -m afterimage.describe_api")
        return 0 if current else 1
    FILE.write_text(described, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
