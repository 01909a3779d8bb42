"""systemd's watchdog is fed by fresh frames and commits, not by a loop that turns."""

from __future__ import annotations

from itertools import pairwise

import pytest

from agent.watchdog import PATIENCE_SECONDS, Watchdog, limit_of

LIMIT = 30.0


def run(seconds: float, *, fresh: bool = True, refused: bool = False, limit=LIMIT) -> list[float]:
    """Tick once a second for so long; return when the watchdog was fed."""
    watchdog = Watchdog(limit, 0.0)
    fed = []
    for tick in range(int(seconds)):
        if fresh:
            watchdog.fresh(tick)
        watchdog.stored(tick, refused=refused)
        if watchdog.due(tick):
            fed.append(tick)
    return fed


def test_fresh_frames_and_commits_feed_it() -> None:
    """While all is well, no gap between two beats reaches systemd's limit."""
    fed = run(600)

    assert max(b - a for a, b in pairwise(fed)) <= LIMIT / 2
    assert fed[-1] > 600 - LIMIT / 2


def test_without_fresh_frames_the_feeding_ends() -> None:
    """A frozen or lost camera isn't fed for, once the patience is over."""
    fed = run(600, fresh=False)

    assert fed[-1] <= PATIENCE_SECONDS


def test_a_database_that_refuses_ends_the_feeding() -> None:
    """Fresh frames alone don't count when nothing of them is stored."""
    fed = run(600, refused=True)

    assert fed[-1] <= PATIENCE_SECONDS


def test_it_is_fed_again_when_all_is_well_again() -> None:
    """A short loss is forgiven."""
    watchdog = Watchdog(LIMIT, 0.0)
    watchdog.stored(1000, refused=False)
    assert not watchdog.due(1000)

    watchdog.fresh(1001)

    assert watchdog.due(1001)


def test_nobody_is_fed_where_nobody_watches() -> None:
    """Without systemd's limit nothing is ever due."""
    assert [] == run(600, limit=None)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_limit_is_read_as_systemd_gives_it(environ, expected) -> None:
    """Microseconds for this process; anything else means that nobody watches."""
    assert expected == limit_of(environ, 7)
