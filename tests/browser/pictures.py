"""Pictures of every page, to look at: each role's pages and tabs, each theme, language and width.

    python -m tests.browser.pictures OUT [--only overview policy] [--looks ja-light-1366 ...]

The site is the example shop after four weeks; nobody in it is real. A picture is as high as its
page. Bad states (empty, locked, corrupt, newer, agent down) and the steps of a review come too.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.config.site import Site
from agent.domain.access import Role
from dashboard.text import Text
from tests.browser import seed_review, seed_whole, serving
from tests.browser.seed_agent import present
from tests.reviewing import PASSPHRASE
from tests.unit.dashboard.test_faults import broken

LOOKS = tuple(
    f"{language}-{scheme}-{width}"
    for language in ("ja", "en")
    for scheme in ("light", "dark")
    for width in (1366, 390)
)
TABBED = {"policy": 6, "access-log": 4}
"""Pages with tabs, and how many."""
PAGES = (
    ("overview", Role.MANAGER),
    ("live", Role.MANAGER),
    ("evaluation", Role.REVIEWER),
    ("policy", Role.MANAGER),
    ("access-log", Role.AUDITOR),
    ("report", Role.MANAGER),
)
HIGHEST = 16_000
Take = Callable[[str], None]


@contextmanager
def visitor(browser: Any, out: Path, look: str) -> Iterator[tuple[Any, str, Take]]:
    """Open a page of a browser of its own; yield it, its language, and what takes a picture."""
    language, scheme, width = look.split("-")
    height = 768 if int(width) > 800 else 844
    context = browser.new_context(
        viewport={"width": int(width), "height": height},
        locale="ja-JP" if language == "ja" else "en-GB",
        timezone_id="Asia/Tokyo",
        color_scheme=scheme,
    )
    page = context.new_page()
    page.set_default_timeout(serving.PATIENCE_SECONDS * 1000)

    def take(name: str) -> None:
        high = page.evaluate(
            "() => { const m = document.querySelector('[data-testid=stMain]');"
            " return Math.max(m ? m.scrollHeight : 0, document.documentElement.scrollHeight) }"
        )
        page.set_viewport_size({"width": int(width), "height": min(max(high, height), HIGHEST)})
        page.wait_for_timeout(700)
        page.screenshot(path=str(out / f"{name}-{look}.png"))
        page.set_viewport_size({"width": int(width), "height": height})

    yield page, language, take
    context.close()


def pages(browser: Any, out: Path, look: str, address: str, only: Sequence[str]) -> None:
    """Take each page, tab by tab."""
    for name, role in PAGES:
        if only and name not in only:
            continue
        with visitor(browser, out, look) as (page, language, take):
            serving.sign_in(page, address, seed_whole.NAMES[role])
            page.goto(f"{address}/{name}?lang={language}")
            serving.settle(page)
            take(name)
            for number in range(1, TABBED.get(name, 0)):
                page.locator("[data-testid=stTab]").nth(number).click()
                serving.settle(page)
                take(f"{name}-{number + 1}")


def signing_in(browser: Any, out: Path, look: str, address: str) -> None:
    """Take the form, before and after a wrong password."""
    with visitor(browser, out, look) as (page, _, take):
        page.goto(address)
        take("signin")
        serving.sign_in(page, address, "hana", "not the password")
        take("signin-wrong")


def reviewing(browser: Any, out: Path, look: str, address: str) -> None:
    """Take the steps of a review: locked, coding blind, the label shown, submitted."""
    with visitor(browser, out, look) as (page, language, take):
        words = Text(language)
        serving.sign_in(page, address, "sato")
        page.goto(f"{address}/review?lang={language}")
        serving.settle(page)
        take("review-1-locked")
        page.locator("input[type=password]").first.fill(PASSPHRASE)
        page.keyboard.press("Enter")
        page.locator(".player .answers").first.wait_for()
        page.wait_for_timeout(800)
        take("review-2-coding")
        page.locator(".player input[type=radio]").first.focus()
        for key in ("r", "1", "Enter"):
            page.keyboard.press(key)
        page.locator(".player .compare").first.wait_for()
        serving.settle(page)
        take("review-3-shown")
        page.keyboard.press("j")
        page.get_by_text(words("review.reason.talking")).wait_for()
        serving.settle(page)
        take("review-4-reasons")
        page.keyboard.press("Control+Enter")
        page.get_by_text(words("review.thanks")).wait_for()
        page.wait_for_timeout(800)
        take("review-5-submitted")


FAULTS = (
    ("overview", "aggregates", "corrupt"),
    ("overview", "aggregates", "locked"),
    ("live", "aggregates", "newer"),
    ("policy", "segments", "corrupt"),
    ("access-log", "access_log", "corrupt"),
)


def faults(browser: Any, out: Path, look: str) -> None:
    """Take pages whose databases are in a bad state, of an agent that is down, and of no data."""
    with tempfile.TemporaryDirectory() as folder:
        bare = Site(Path(folder) / "bare")
        bare.root.mkdir()
        (bare.root / "policy.toml").write_bytes(seed_whole.SHOP.read_bytes())
        serving.add_account(bare.root, "aoi", Role.AUDITOR)
        with serving.serve(bare.root) as address, visitor(browser, out, look) as opened:
            page, language, take = opened
            serving.sign_in(page, address, "aoi")
            for name, _ in PAGES:
                page.goto(f"{address}/{name}?lang={language}")
                serving.settle(page)
                take(f"empty-{name}")
        for number, (name, database, fault) in enumerate(FAULTS):
            site = seed_whole.fill_whole(Path(folder) / str(number), days=3)
            site.status.unlink()
            with (
                serving.serve(site.root) as address,
                visitor(browser, out, look) as (page, language, take),
            ):
                serving.sign_in(page, address, "aoi")  # is written into the log
                page.locator("[data-testid=stSidebar]").wait_for(state="attached")
                with broken(getattr(site, database), fault):
                    page.goto(f"{address}/{name}?lang={language}")
                    page.wait_for_timeout(6000)
                    serving.settle(page)
                    take(f"{fault}-{name}")


def main() -> None:
    """Take the pictures that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", nargs="*", default=[], help="pages, signin, review, faults")
    parser.add_argument("--looks", nargs="*", default=LOOKS)
    parser.add_argument("--days", type=int, default=28)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    wanted = {name for name, _ in PAGES} & set(asked.only) or not asked.only
    with tempfile.TemporaryDirectory() as folder, serving.chromium() as browser:
        if wanted or "signin" in asked.only:
            site = seed_whole.fill_whole(Path(folder) / "shop", days=asked.days, real=True)
            with serving.serve(site.root) as address:
                for look in asked.looks:
                    if not asked.only or "signin" in asked.only:
                        signing_in(browser, asked.out, look, address)
                    pages(browser, asked.out, look, address, asked.only) if wanted else None
        for look in asked.looks:
            if not asked.only or "review" in asked.only:
                root = Path(folder) / f"review-{look}"
                seed_review.fill(root, present())
                serving.add_account(root, "sato", Role.REVIEWER)
                with serving.serve(root) as address:
                    reviewing(browser, asked.out, look, address)
            if not asked.only or "faults" in asked.only:
                faults(browser, asked.out, look)


if __name__ == "__main__":
    main()
