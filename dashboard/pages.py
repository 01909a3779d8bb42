"""Which pages there are, for whom, and where each one lives.

A page is one line here: `module:function`, imported only when it is shown to somebody who may see
it. The function is called as `show(words: Text, user: User) -> None`. A page whose roles don't name
the signed-in user's isn't registered for that user at all, so its address leads nowhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, cast

from agent.domain.access import Role
from agent.domain.account import PAGE_ROLES, User

if TYPE_CHECKING:
    from dashboard.text import Text

    Show = Callable[[Text, User], None]

EVERYBODY = frozenset(PAGE_ROLES)


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        key: its name in the program.
        url_path: its address below the root; [a-z-].
        icon: a Material symbol, such as `:material/monitoring:`.
        title: key of its name in `text.toml`.
        roles: who may see it.
        target: `module:function` that draws it.
    """

    key: str
    url_path: str
    icon: str
    title: str
    roles: frozenset[Role]
    target: str

    def load(self) -> Show:
        """Import the page and return the function that draws it."""
        module, _, name = self.target.partition(":")
        return cast("Show", getattr(import_module(module), name))


PAGES: tuple[Page, ...] = (
    Page(
        "overview", "overview", ":material/monitoring:", "app.overview", EVERYBODY,
        "dashboard.views.overview:show",
    ),
    Page(
        "live", "live", ":material/videocam:", "live.nav", EVERYBODY, "dashboard.views.live:show"
    ),
    Page(
        "review", "review", ":material/rate_review:", "review.title", frozenset({Role.REVIEWER}),
        "dashboard.review.page:show",
    ),
    Page(
        "evaluation", "evaluation", ":material/balance:", "evaluation.title",
        frozenset({Role.REVIEWER, Role.MANAGER, Role.AUDITOR}), "dashboard.views.evaluation:show",
    ),
    Page(
        "policy", "policy", ":material/policy:", "rules.nav", EVERYBODY,
        "dashboard.views.policy:show",
    ),
    Page(
        "access_log", "access-log", ":material/history_edu:", "access.nav",
        frozenset({Role.AUDITOR, Role.ADMIN}), "dashboard.views.access_log:show",
    ),
    Page(
        "report", "report", ":material/description:", "reporting.nav",
        frozenset({Role.MANAGER, Role.AUDITOR, Role.ADMIN}), "dashboard.views.report:show",
    ),
)  # fmt: skip
"""In the order of the navigation; the first one that somebody may see is theirs at `/`."""


AT_A_CENTRE = frozenset({"overview", "access_log"})
"""Pages that need no more than released numbers and this machine's own log."""
SITES = Page(
    "sites", "sites", ":material/hub:", "sites.nav", EVERYBODY, "dashboard.views.sites:show"
)


def central_pages() -> tuple[Page, ...]:
    """Return the pages of a centre: its sites first; what needs the site itself says so."""
    there = (
        page if page.key in AT_A_CENTRE
        else replace(page, target="dashboard.views.elsewhere:show")
        for page in PAGES
    )  # fmt: skip
    return (SITES, *there)


def pages_for(role: Role, *, central: bool = False) -> tuple[Page, ...]:
    """Return the pages that somebody with this role may see, in order.

    Args:
        role: of who is signed in.
        central: whether the pages are about a centre.
    """
    pages = central_pages() if central else PAGES
    return tuple(page for page in pages if role in page.roles)
