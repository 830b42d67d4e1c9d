"""Talk to the control routes of the SageMaker runtime's stand-in."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from local.cloud import CloudError
from local.deploy import endpoint_document, read_stack
from local.settings import Settings


def configure_endpoint(settings: Settings) -> None:
    """Create the endpoint from the outputs of the stack, unless the stand-in has it already."""
    stack = read_stack(settings)
    if stack is None:
        raise CloudError("The stack is not deployed.")
    wanted = endpoint_document(settings, stack["outputs"])
    if request(settings, "GET", "/_endpoint") != wanted:
        request(settings, "PUT", "/_endpoint", wanted)


def request(settings: Settings, method: str, path: str, document: Any = None) -> Any:
    """Send one control request and return the decoded answer. Raises CloudError with the stand-in's own words."""
    body = None if document is None else json.dumps(document).encode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    message = urllib.request.Request(
        settings.runtime_url + path, data=body, method=method, headers={"Content-Type": "application/json"}
    )
    try:
        with opener.open(message, timeout=30) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors="replace")
        raise CloudError(f"The SageMaker runtime refused {method} {path} ({error.code}): {text}") from error
    except OSError as error:
        raise CloudError(f"The SageMaker runtime does not answer {method} {path}: {error}") from error
