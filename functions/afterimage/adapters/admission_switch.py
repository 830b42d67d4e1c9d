"""The switch that stops new requests: the parameter that `OperatorParameters.admission_is_open` reads."""

from __future__ import annotations

from typing import Any

from afterimage.adapters.aws import unavailable_as
from afterimage.domain.errors import StoreUnavailableError


class AdmissionSwitch:
    """Writes one parameter; functions notice within half a minute."""

    def __init__(self, client: Any, parameter: str) -> None:
        self._client = client
        self._parameter = parameter

    def close(self) -> None:
        """Refuse new requests from now on. To close it twice is to close it. Raises StoreUnavailableError."""
        with unavailable_as(StoreUnavailableError):
            self._client.put_parameter(Name=self._parameter, Value="closed", Type="String", Overwrite=True)

    def write(self, value: str) -> None:
        """Set the switch: `open` or `closed`, perhaps with time and reason behind it. Raises StoreUnavailableError."""
        with unavailable_as(StoreUnavailableError):
            self._client.put_parameter(Name=self._parameter, Value=value, Type="String", Overwrite=True)

    def read(self) -> str:
        """Return what is set, not what is remembered. Raises StoreUnavailableError."""
        with unavailable_as(StoreUnavailableError):
            return str(self._client.get_parameter(Name=self._parameter)["Parameter"]["Value"])
