"""Measure what somebody at the screen waits for, in a real browser: overview and review.

    python -m tests.benchmarks.bench_browser [--days 90] [--zones 8] [--clips 8] [--site FOLDER]

Overview: from the click on a period until all its charts are drawn; each page is a browser and a
sign-in of its own, and the server's caches are emptied by starting it anew. Review: from the key
that submits a judgement until the next clip's face and answers stand there. The load of the machine
is printed, since a wall clock means nothing on a busy one.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.config.site import Site
from agent.domain.access import Role
from tests.benchmarks.bench_overview import seeded
from tests.browser import serving
from tests.reviewing import PASSPHRASE, course, site

ROUNDS = 5
CHARTS = "[data-testid=stVegaLiteChart] svg.marks"
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"


def told(name: str, found: list[float], target: float) -> None:
    """Print a median, the longest, and the machine's load."""
    print(
        f"{name:44}  median {statistics.median(found):6.3f} s   longest {max(found):6.3f} s   "
        f"target {target} s   load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )


def opened(browser: Any, address: str, name: str) -> Any:
    """Return a page of a browser context of its own, signed in."""
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="ja-JP")
    page = context.new_page()
    serving.sign_in(page, address, name)
    return page


def overview(browser: Any, place: Site) -> None:
    """Time the choice of the longest period, with a server that has read nothing of it yet."""
    found = []
    for _ in range(ROUNDS):
        with serving.serve(place.root) as address:
            page = opened(browser, address, "hana")
            page.locator(CHARTS).nth(9).wait_for(state="attached")
            page.locator(IDLE).wait_for()
            before = page.locator(CHARTS).nth(1).evaluate("(there) => there.innerHTML")
            begin = time.perf_counter()
            page.get_by_role("radio", name="全部").click()
            page.wait_for_function(
                "([where, before]) => document.querySelectorAll(where)[1]?.innerHTML !== before"
                " && document.querySelectorAll(where).length >= 10",
                arg=[CHARTS, before],
                polling=20,
            )
            page.locator(IDLE).wait_for()
            found.append(time.perf_counter() - begin)
            page.context.close()
    told("overview, longest period, nothing cached", found, 1.0)


def review(browser: Any, clips: int) -> None:
    """Time the step from one judgement to the next clip."""
    now = datetime.now(UTC)
    lots = [
        [r for track in range(250) for r in course(track, 14, begin=track * 2.2, seed=number)]
        for number in range(3)
    ]
    with tempfile.TemporaryDirectory() as folder:
        place = site(Path(folder) / "site", now, buckets=3, lots=lots)
        serving.add_account(place.root, "sato", Role.REVIEWER)
        with serving.serve(place.root) as address:
            page = opened(browser, address, "sato")
            page.goto(f"{address}/review?lang=ja")
            page.locator("input[type=password]").first.fill(PASSPHRASE)
            page.keyboard.press("Enter")
            found = [_judged(page) for _ in range(clips)]
    told("review, from a judgement to the next clip", found, 0.3)


def _judged(page: Any) -> float:
    page.locator(".player .answers").first.wait_for()
    page.locator(".player input[type=radio]").first.focus()
    for key in ("r", "1", "Enter"):
        page.keyboard.press(key)
    page.locator(".player .compare").first.wait_for()
    page.keyboard.press("a")
    page.locator("button[kind=primary]:not([disabled]) kbd").last.wait_for()
    page.locator(IDLE).wait_for()
    page.wait_for_timeout(300)
    begin = time.perf_counter()
    page.keyboard.press("Control+Enter")
    page.locator(".player .answers").first.wait_for()
    page.locator(".player .face svg path").first.wait_for(state="attached")
    return time.perf_counter() - begin


def main() -> None:
    """Seed where nothing is named, and time both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--zones", type=int, default=8)
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--site", type=Path, help="keep the seeded site here, or use it again")
    asked = parser.parse_args()
    if serving.CHROMIUM is None:
        print("no Chromium on this machine, so nothing is measured in one")
        return
    with tempfile.TemporaryDirectory() as folder, serving.chromium() as browser:
        place = Site(asked.site or Path(folder))
        if not place.aggregates.exists():
            place = seeded(place.root, asked.days, asked.zones)
        if not place.accounts.exists():
            serving.add_account(place.root, "hana", Role.MANAGER)
        overview(browser, place)
        review(browser, asked.clips)


if __name__ == "__main__":
    main()
