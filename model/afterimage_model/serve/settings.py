"""The server's settings: command line first, environment second, default last; read once, frozen."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DEFAULT_MODEL_DIR = "/opt/ml/model"
MOST_BATCH_WAIT_MS = 10_000


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """Everything the server can be told; `settings_from` says where each value comes from."""

    model: str
    host: str
    port: int
    device: str
    threads: int | None
    queue_size: int
    max_batch: int | None
    batch_wait_s: float
    max_body_bytes: int
    stop_timeout_s: int
    bucket: str | None
    adapters: str | None
    warm_up: bool
    watermark: bool


def settings_from(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> ServeSettings:
    """Parse the command line over the environment. Ends the process with argparse's message on a wrong value."""
    env = os.environ if environment is None else environment
    parser = _parser(env)
    values = parser.parse_args(list(arguments))
    if values.queue_size < 0 or values.max_body_bytes < 1 or not 0 <= values.port <= 65535:
        parser.error("queue size must be 0 or more, max body bytes 1 or more, port between 0 and 65535")
    if any(value is not None and value < 1 for value in (values.threads, values.max_batch)):
        parser.error("threads and max batch must be 1 or more")
    if not 0 <= values.batch_wait <= MOST_BATCH_WAIT_MS:
        parser.error(f"batch wait must lie between 0 and {MOST_BATCH_WAIT_MS}")
    return ServeSettings(
        model=values.model_dir,
        host=values.host,
        port=values.port,
        device=values.device,
        threads=values.threads,
        queue_size=values.queue_size,
        max_batch=values.max_batch,
        batch_wait_s=values.batch_wait / 1000,
        max_body_bytes=values.max_body_bytes,
        stop_timeout_s=values.stop_timeout,
        bucket=values.bucket or None,
        adapters=values.adapters or None,
        warm_up=values.warm_up,
        watermark=values.watermark,
    )


def _parser(env: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="serve",
        description="Serve a Stable Diffusion folder: GET /ping, POST /invocations. Each option has an environment "
        "variable; the option wins. S3 uses boto3's own variables (AWS_ENDPOINT_URL, AWS_REGION, ...).",
    )

    def option(flag: str, variable: str, default: str | None, text: str, kind: type = str) -> None:
        value = env.get(variable) or default
        shown = f" (default {default})" if default is not None else ""
        parser.add_argument(flag, type=kind, default=value, help=f"{text} [{variable}]{shown}", metavar="VALUE")

    option("--model-dir", "AFTERIMAGE_MODEL_DIR", DEFAULT_MODEL_DIR, "folder in diffusers' format, or a hub id")
    option("--host", "AFTERIMAGE_HOST", "127.0.0.1", "address to listen on")
    option("--port", "AFTERIMAGE_PORT", env.get("SAGEMAKER_BIND_TO_PORT") or "8080", "port to listen on", int)
    option("--device", "AFTERIMAGE_DEVICE", "auto", "auto, cpu, cuda or cuda:N")
    option("--threads", "AFTERIMAGE_THREADS", None, "torch's threads on CPU; unset leaves torch's choice", int)
    option("--queue-size", "AFTERIMAGE_QUEUE_SIZE", "16", "jobs that may wait behind the running ones", int)
    option("--max-batch", "AFTERIMAGE_MAX_BATCH", None, "pictures through the network at once, over the folder's", int)
    option("--batch-wait", "AFTERIMAGE_BATCH_WAIT_MS", "20", "milliseconds to wait for a batch like the last", int)
    option("--max-body-bytes", "AFTERIMAGE_MAX_BODY_BYTES", "262144", "longest request body", int)
    option("--stop-timeout", "AFTERIMAGE_STOP_TIMEOUT_S", "25", "seconds a running job gets after SIGTERM", int)
    option("--bucket", "AFTERIMAGE_BUCKET", None, "only bucket that may be written to; unset permits any")
    option("--adapters", "AFTERIMAGE_ADAPTERS", None, "folder or s3://bucket/prefix/ of LoRA files; unset: none")

    def switch(flag: str, variable: str, text: str) -> None:
        is_on = (env.get(variable) or "1") not in ("0", "false", "no")
        text = f"{text} [{variable}] (default 1)"
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=is_on, help=text)

    switch("--warm-up", "AFTERIMAGE_WARM_UP", "make one throw-away picture of one step before reporting ready")
    switch("--watermark", "AFTERIMAGE_WATERMARK", "put the invisible mark into every picture")
    return parser
