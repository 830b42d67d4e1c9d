"""A campaign's folder in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from afterimage.domain.errors import CampaignNotFoundError

from fakes.faults import Faulty, breakable


class MemoryCampaignFiles(Faulty):
    """Implements `campaign_ports.CampaignFiles`."""

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[str, bytes] = {}
        self.types: dict[str, str] = {}
        self.written: list[str] = []
        self.read_bytes = 0

    def read(self, key: str) -> Iterator[bytes]:
        body = self._body(key)
        return (body[start : start + 1000] for start in range(0, len(body), 1000))

    def size(self, key: str) -> int | None:
        return len(self.objects[key]) if key in self.objects else None

    @breakable
    def read_range(self, key: str, start: int, length: int) -> bytes:
        found = self._body(key)[start : start + length]
        self.read_bytes += len(found)
        return found

    @breakable
    def write(self, key: str, body: Iterable[bytes], content_type: str) -> None:
        self.objects[key] = b"".join(body)
        self.types[key] = content_type
        self.written.append(key)

    @breakable
    def erase(self, prefix: str) -> None:
        self.objects = {key: body for key, body in self.objects.items() if not key.startswith(prefix)}

    def _body(self, key: str) -> bytes:
        if key not in self.objects:
            raise CampaignNotFoundError()
        return self.objects[key]
