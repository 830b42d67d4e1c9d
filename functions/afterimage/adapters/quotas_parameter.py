"""The general quotas where they are kept, for who changes them; the door reads them through `OperatorParameters`."""

from __future__ import annotations

import json
from typing import Any

from afterimage.adapters.aws import unavailable_as
from afterimage.contracts.codec import to_document
from afterimage.domain.errors import StoreUnavailableError
from afterimage.domain.quotas import Quotas, parse_quotas


class QuotasParameter:
    """Reads and writes one parameter, without remembering it."""

    def __init__(self, client: Any, parameter: str) -> None:
        self._client = client
        self._parameter = parameter

    def read(self) -> Quotas:
        """Return the bounds. Raises StoreUnavailableError or QuotasInvalidError."""
        with unavailable_as(StoreUnavailableError):
            return parse_quotas(self._client.get_parameter(Name=self._parameter)["Parameter"]["Value"])

    def write(self, quotas: Quotas) -> None:
        """Replace the bounds. Raises StoreUnavailableError."""
        value = json.dumps(to_document(quotas))
        with unavailable_as(StoreUnavailableError):
            self._client.put_parameter(Name=self._parameter, Value=value, Type="String", Overwrite=True)
