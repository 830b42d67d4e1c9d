"""An SMTP server that keeps every message as one `.eml` file, so that a person can open the mail of a local run.

Run as `python -m local.mail_sink --port 4525 --folder .afterimage/mail`.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import signal
import time
from pathlib import Path

from aiosmtpd.controller import UnthreadedController
from aiosmtpd.smtp import SMTP, Envelope, Session

MAX_MESSAGE_BYTES = 40 * 1024 * 1024  # what SES accepts


class MailFolder:
    """Writes messages under names that sort by arrival; a reader never sees half a message."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, content: bytes) -> Path:
        seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
        moment = time.strftime("%Y%m%dT%H%M%S", time.gmtime(seconds))
        name = f"{moment}.{nanoseconds:09d}Z-{next(self._numbers):04d}"
        temporary = self._folder / f".{name}.part"
        temporary.write_bytes(content)
        final = self._folder / f"{name}.eml"
        return temporary.replace(final)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Called by aiosmtpd with a whole message."""
        content = envelope.content or b""
        path = self.keep(content if isinstance(content, bytes) else content.encode())
        print(f"{path.name} {len(content)} bytes for {len(envelope.rcpt_tos)} recipient(s)", flush=True)
        return "250 kept"


async def serve(host: str, port: int, folder: Path) -> None:
    """Take mail until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    controller = UnthreadedController(
        MailFolder(folder), hostname=host, port=port, loop=loop, data_size_limit=MAX_MESSAGE_BYTES
    )
    controller.server = await controller._create_server()
    print(f"mail arrives at {host}:{port} and is kept in {folder}", flush=True)
    await stop.wait()
    controller.server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.host, arguments.port, arguments.folder))


if __name__ == "__main__":
    main()
