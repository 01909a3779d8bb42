"""The agent's health as text for Prometheus, from its health file.

The capture has no network, so this is a process of its own that reads `state/status.json`.

What is left out is the point. Whoever may ask every few seconds could otherwise see people come and
go: counts of faces, of stored records and the time of the last commit follow them, unsuppressed.
So frames with and without a face are one number here, and storing is a yes or a no.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from agent.domain.frame import FrameStatus
from agent.errors import NOT_AS_WRITTEN, ConfigError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

STALE_SECONDS = 15
"""After which an agent that says "running" isn't believed."""
UNUSABLE = (FrameStatus.CAMERA_LOST, FrameStatus.FROZEN, FrameStatus.PAUSED, FrameStatus.TOO_DARK)
"""Statuses of a camera; the others depend on who stands before it and are summed up."""
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


class HealthCollector(Collector):
    """Reads the health file each time it is asked."""

    def __init__(self, path: Path, now: Callable[[], datetime]) -> None:
        """Name the file and the clock."""
        self._path, self._now = path, now

    def collect(self) -> Iterable[Metric]:
        """Return the metrics of this moment; of a missing file, that nobody is up."""
        try:
            report = json.loads(self._path.read_text("utf-8"))
            yield from families(report, self._now())
        except (OSError, *NOT_AS_WRITTEN):
            yield _gauge("omokage_up", "Whether the agent runs and answers.", 0)
        yield from _disk(self._path.parent)


def families(report: dict[str, Any], now: datetime) -> Iterator[Metric]:
    """Turn a health report into metrics.

    Args:
        report: content of `state/status.json`.
        now: aware UTC.

    Raises:
        KeyError, TypeError, ValueError: the report isn't one.
    """
    age = (now - datetime.fromisoformat(report["written_at"])).total_seconds()
    running = report["state"] == "running" and age <= STALE_SECONDS
    yield _gauge("omokage_up", "Whether the agent runs and answers.", running)
    yield _gauge("omokage_health_age_seconds", "Age of the health file.", age)
    yield _gauge(
        "omokage_capture_allowed",
        "Whether schedule and pause let the cameras be open.",
        report["capture"]["allowed"],
    )
    yield _gauge(
        "omokage_last_frame_age_seconds",
        "Since the last fresh frame or wanted rest of any camera, when the file was written.",
        report["last_frame_age_seconds"],
    )
    yield from _cameras(report)
    yield _gauge(
        "omokage_persisting", "Whether records are sealed and stored.", report["persisting"]
    )
    yield _gauge("omokage_store_refuses", "Whether the database refuses.", report["store_refuses"])
    yield _gauge("omokage_hardening_missing", "Protections that this process couldn't get.",
                 len(report["hardening_missing"]))  # fmt: skip
    yield _gauge("omokage_trouble", "Whether somebody has to act; `omokage status` says what.",
                 bool(report["trouble"]))  # fmt: skip
    if report.get("keys_days") is not None:
        yield _gauge("omokage_keys_days", "Days for which there are keys.", report["keys_days"])
    for name, value in sorted(report.get("gauges", {}).items()):
        yield _gauge(name, "Of the last round of deletion; see docs/retention.md.", value)


def _cameras(report: dict[str, Any]) -> Iterator[Metric]:
    up = GaugeMetricFamily("omokage_camera_ok", "Whether a camera gives frames.", None, ["zone"])
    rate = GaugeMetricFamily(
        "omokage_frames_per_second", "Frames looked at lately.", None, ["zone"]
    )
    ticks = CounterMetricFamily(
        "omokage_ticks", "Looks at a camera since the start, by what it gave.", None,
        ["zone", "status"],
    )  # fmt: skip
    late = CounterMetricFamily("omokage_dropped_frames", "Frames that came late.", None, ["zone"])
    for zone, status in report["zones"].items():
        up.add_metric([zone], float(status not in UNUSABLE))
        rate.add_metric([zone], report["frames_per_second"][zone])
        late.add_metric([zone], report["dropped_frames"][zone])
        counts = report["ticks"][zone]
        for unusable in UNUSABLE:
            ticks.add_metric([zone, unusable.value], counts.get(unusable, 0))
        looked = sum(number for name, number in counts.items() if name not in UNUSABLE)
        ticks.add_metric([zone, "looked_at"], looked)
    yield from (up, rate, ticks, late)


def _disk(folder: Path) -> Iterator[Metric]:
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return
    yield _gauge("omokage_disk_free_bytes", "Free on the state folder's disk.", free)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=float(value))


def render(path: Path, now: Callable[[], datetime]) -> bytes:
    """Return the metrics in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(HealthCollector(path, now))
    return generate_latest(registry)


class _Server(ThreadingMixIn, WSGIServer):
    """Answers several at once, so that a slow one holds up nobody."""

    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    """Logs nothing: a monitoring system asks every few seconds."""

    timeout = 10.0

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base's name)
        """Say nothing."""


def make_endpoint(path: Path, now: Callable[[], datetime], host: str, port: int) -> WSGIServer:
    """Return a server that answers `GET /metrics`, bound and not yet serving.

    Args:
        path: of the health file.
        now: reads the clock.
        host: loopback address to bind to.
        port: TCP port; 0 takes a free one.

    Raises:
        ConfigError: the port is taken.
    """

    def answer(environ: WSGIEnvironment, start: StartResponse) -> list[bytes]:
        # A page in a browser of this machine could point its own name here (DNS rebinding).
        name = environ.get("HTTP_HOST", "").rsplit(":", 1)[0]
        if name not in LOOPBACK:
            return _refuse(start, "403 Forbidden")
        if environ["PATH_INFO"] != "/metrics":
            return _refuse(start, "404 Not Found")
        if environ["REQUEST_METHOD"] != "GET":
            return _refuse(start, "405 Method Not Allowed")
        body = render(path, now)
        start("200 OK", [("Content-Type", CONTENT_TYPE), ("Content-Length", str(len(body)))])
        return [body]

    try:
        return make_server(host, port, answer, server_class=_Server, handler_class=_Quiet)
    except OSError as error:
        raise ConfigError(
            f"port {port} of {host} can't be used: {os.strerror(error.errno or 0)}",
            advice="Choose another one with --port.",
        ) from error


def _refuse(start: StartResponse, status: str) -> list[bytes]:
    start(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [status.encode()]
