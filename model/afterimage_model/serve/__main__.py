"""`python -m afterimage_model.serve`: the server is up first, the weights come after."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn

from afterimage_model.folder import check_folder, is_hub_id
from afterimage_model.orders import Order
from afterimage_model.serve.app import create_app
from afterimage_model.serve.log import configure_logging
from afterimage_model.serve.metrics import Metrics
from afterimage_model.serve.runner import Runner, Work
from afterimage_model.serve.settings import ServeSettings, settings_from

FINISHERS = 2
"""Threads that encode and store pictures while the next ones are being made."""

STARTED = time.monotonic()
logger = logging.getLogger("afterimage_model.serve")


class GracefulServer(uvicorn.Server):
    """Uvicorn that closes the runner as soon as it is told to stop, so that waiting jobs are turned away at once."""

    def __init__(self, config: uvicorn.Config, runner: Runner) -> None:
        super().__init__(config)
        self._runner = runner

    async def startup(self, sockets: Any = None) -> None:
        """Listen, then say so in the start-up timeline with the port that was really taken."""
        await super().startup(sockets)
        ports = [socket.getsockname()[1] for server in self.servers for socket in server.sockets]
        _timeline("listening", host=self.config.host, port=ports[0] if ports else None)

    async def shutdown(self, sockets: Any = None) -> None:
        """Turn away what waits, finish what runs within uvicorn's time-out."""
        logger.info("stopping", extra={"fields": {}})
        self._runner.close()
        await super().shutdown(sockets)


def set_up(settings: ServeSettings, metrics: Metrics) -> Work:
    """Import torch, load the model, and return what makes a job; runs on the runner's thread.

    Raises ModelFolderError, for a folder that is plainly wrong before the seconds that torch takes to import.
    """
    if not is_hub_id(settings.model):
        check_folder(Path(settings.model))
    from afterimage_model.generate import generate_together
    from afterimage_model.predictor import Predictor
    from afterimage_model.storage import S3Storage, adapter_files

    _timeline("imported")
    storage = S3Storage()
    predictor = Predictor(
        settings.model,
        device=settings.device,
        threads=settings.threads,
        warm_up=settings.warm_up,
        max_batch=settings.max_batch,
        measured=metrics.batch_made,
        fetch_adapter=adapter_files(settings.adapters, storage) if settings.adapters else None,
    )
    seconds = predictor.setup()
    finishers = ThreadPoolExecutor(FINISHERS, thread_name_prefix="finisher")

    def make(orders: Sequence[Order]) -> None:
        generate_together(
            orders,
            predictor,
            storage,
            bucket=settings.bucket,
            watermark=settings.watermark,
            finish=finishers.submit,
        )

    _timeline("ready", **{f"{part}_s": round(value, 3) for part, value in seconds.items()}, **predictor.versions)
    return Work(make=make, largest_batch=predictor.largest_batch, close=finishers.shutdown)


SetUp = Callable[[ServeSettings, Metrics], Work]


def main(arguments: Sequence[str] | None = None, set_up: SetUp = set_up) -> int:
    """Serve until SIGTERM or SIGINT; returns 0 after an orderly end. Tests hand in another `set_up`."""
    settings = settings_from(sys.argv[1:] if arguments is None else arguments)
    configure_logging()
    _timeline("started", model=settings.model)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)  # uvicorn puts its own in place, and calls this one when it has ended
    metrics = Metrics()
    runner = Runner(
        lambda: set_up(settings, metrics),
        queue_size=settings.queue_size,
        longest_wait_s=settings.batch_wait_s,
        metrics=metrics,
    )
    config = uvicorn.Config(
        create_app(runner, max_body_bytes=settings.max_body_bytes),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=settings.stop_timeout_s,
    )
    runner.start()
    code = 0
    try:
        GracefulServer(config, runner).run()
    except SystemExit as exc:
        code = int(exc.code or 0)
    finished = runner.join(timeout_s=1.0)
    logger.info("stopped", extra={"fields": {"finished": finished}})
    if not finished:  # a thread inside torch cannot be stopped, and must not be torn down under its feet
        sys.stdout.flush()
        os._exit(code or 1)
    return code


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def _timeline(event: str, **fields: object) -> None:
    logger.info(event, extra={"fields": {"since_start_s": round(time.monotonic() - STARTED, 3), **fields}})


if __name__ == "__main__":
    sys.exit(main())
