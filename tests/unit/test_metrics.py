"""The text for Prometheus: what it says, what it must not say, and whom it answers."""

from __future__ import annotations

import http.client
import json
import threading
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent.errors import ConfigError
from agent.metrics import make_endpoint, render
from tests.fakes import NOON


def health(**changes) -> dict:
    """Return a health report of a running agent."""
    return {
        "state": "running", "written_at": NOON.isoformat(), "site": "s", "demo": False,
        "zones": {"door": "ok", "till": "camera_lost"},
        "ticks": {"door": {"ok": 70, "no_face": 20, "blurred": 5, "too_dark": 5},
                  "till": {"camera_lost": 100}},
        "frames_per_second": {"door": 5.0, "till": 0.0},
        "dropped_frames": {"door": 1, "till": 0},
        "capture": {"allowed": True}, "last_frame_age_seconds": 0.2, "persisting": True,
        "store_refuses": False, "hardening_missing": [], "trouble": "", "keys_days": 90,
        "gauges": {"omokage_overdue_records": 0.0}, "stored_records": 4711, "lost_records": 12,
        "faces": 815, "last_commit": NOON.isoformat(), **changes,
    }  # fmt: skip


@pytest.fixture
def path(tmp_path):
    """A health file."""
    file = tmp_path / "status.json"
    file.write_text(json.dumps(health()), "utf-8")
    return file


def read(path, now=NOON) -> dict:
    """Return the samples by name and labels, read by Prometheus' own parser."""
    families = text_string_to_metric_families(render(path, lambda: now).decode())
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


def test_a_running_agent_is_up(path):
    """Up, with its cameras one by one."""
    found = read(path)

    assert found["omokage_up",] == 1
    assert found["omokage_camera_ok", "door"] == 1
    assert found["omokage_camera_ok", "till"] == 0
    assert found["omokage_overdue_records",] == 0
    assert found["omokage_keys_days",] == 90
    assert found["omokage_disk_free_bytes",] > 0


def test_an_agent_that_stopped_answering_is_not_up(path):
    """A health file that is old isn't believed, whatever it says."""
    assert read(path, NOON + timedelta(minutes=1))["omokage_up",] == 0


@pytest.mark.parametrize("content", ["", "{", "[]", '{"state": "running"}', "\xff"])
def test_a_damaged_health_file_is_no_agent(path, content):
    """Without a health file that can be understood nobody is up, and the answer still comes."""
    path.write_text(content, "latin-1")

    assert read(path)["omokage_up",] == 0


def test_nobody_can_see_people_come_and_go(path):
    """Two moments that differ in faces, records and commits alone give the same text."""
    before = render(path, lambda: NOON)
    more = health(
        stored_records=4712, faces=816, last_commit=(NOON + timedelta(hours=1)).isoformat()
    )
    more["ticks"]["door"] = {"ok": 10, "no_face": 80, "blurred": 5, "too_dark": 5}
    path.write_text(json.dumps(more), "utf-8")

    after = render(path, lambda: NOON)

    drop = b"omokage_disk_free_bytes"
    assert [x for x in before.splitlines() if drop not in x] == [
        x for x in after.splitlines() if drop not in x
    ]


@pytest.fixture
def endpoint(path):
    """A served endpoint's port."""
    with make_endpoint(path, lambda: NOON, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def ask(port: int, target: str, *, method: str = "GET", host: str = "127.0.0.1") -> tuple[int, str]:
    """Ask an endpoint; return status and body."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        link.request(method, target, headers={"Host": f"{host}:{port}"})
        answer = link.getresponse()
        return answer.status, answer.read().decode()
    finally:
        link.close()


def test_the_endpoint_answers(endpoint):
    """GET /metrics on the loopback address gives the text."""
    status, body = ask(endpoint, "/metrics")

    assert status == 200
    assert "omokage_up 1.0" in body


@pytest.mark.parametrize(
    ("target", "options", "expected"),
    [
        ("/metrics", {"host": "shop.example"}, 403),
        ("/metrics", {"method": "POST"}, 405),
        ("/", {}, 404),
        ("/../state/status.json", {}, 404),
    ],
)
def test_the_endpoint_refuses_the_rest(endpoint, target, options, expected):
    """Another name, another method, another path: refused."""
    assert ask(endpoint, target, **options)[0] == expected


def test_a_taken_port_is_refused_with_advice(endpoint, path):
    """Two endpoints on one port: the second says so."""
    with pytest.raises(ConfigError, match="can't be used"):
        make_endpoint(path, lambda: NOON, "127.0.0.1", endpoint)
