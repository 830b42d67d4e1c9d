"""What `GET /metrics` tells Prometheus: queue, batches, steps, pictures, errors by code, memory. No job, no prompt."""

from __future__ import annotations

import sys
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
BATCHES = (1, 2, 4, 8, 16, 32)
STEPS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
WAITS_S = (0.01, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0)


class Metrics:
    """The numbers of one server, in a registry of their own. Its methods are called from any thread."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)  # process_resident_memory_bytes and its like
        PlatformCollector(registry=self._registry)
        self._waiting = self._gauge("afterimage_jobs_waiting", "Jobs in the queue.")
        self._in_hand = self._gauge("afterimage_jobs_in_hand", "Jobs that are being made, encoded or stored.")
        self._ready = self._gauge("afterimage_ready", "1 when jobs are taken, 0 while starting, failed or stopping.")
        self._accelerator = self._gauge("afterimage_accelerator_memory_bytes", "Held by tensors on the accelerator.")
        self._jobs = Counter(
            "afterimage_jobs",
            "Jobs that were answered, by code; `made` is a result.",
            ["code"],
            registry=self._registry,
        )
        self._pictures = Counter("afterimage_pictures", "Pictures that were delivered.", registry=self._registry)
        self._batches = self._histogram("afterimage_batch_pictures", "Pictures that went through at once.", BATCHES)
        self._steps = self._histogram("afterimage_step_seconds", "One step of the network, for its batch.", STEPS_S)
        self._waits = self._histogram("afterimage_queued_seconds", "From acceptance to the first work.", WAITS_S)

    def answered(self, code: str, pictures: int, queued_s: float) -> None:
        """One job has its answer."""
        self._jobs.labels(code).inc()
        self._pictures.inc(pictures)
        self._waits.observe(queued_s)

    def batch_made(self, pictures: int, step_seconds: list[float]) -> None:
        """One batch went through the network."""
        self._batches.observe(pictures)
        for seconds in step_seconds:
            self._steps.observe(seconds)

    def text(self, *, waiting: int, in_hand: int, ready: bool) -> bytes:
        """Everything in Prometheus' text format, with the state of the moment."""
        self._waiting.set(waiting)
        self._in_hand.set(in_hand)
        self._ready.set(ready)
        self._accelerator.set(_accelerator_bytes())
        return generate_latest(self._registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self._registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, text, buckets=buckets, registry=self._registry)


def _accelerator_bytes() -> int:
    torch: Any = sys.modules.get("torch")  # only the set-up imports it, and it takes its time
    cuda = getattr(torch, "cuda", None)
    return int(cuda.memory_allocated()) if cuda is not None and cuda.is_initialized() else 0
