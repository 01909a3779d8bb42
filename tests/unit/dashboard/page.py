"""Draw one page of the dashboard alone, as a user would see it; for tests."""

from __future__ import annotations

import html
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from streamlit.testing.v1 import AppTest

from agent.domain.access import Role
from dashboard import queries

if TYPE_CHECKING:
    import pytest

    from agent.config.site import Site


def _script(view: str, language: str, role: str) -> None:
    from importlib import import_module

    from agent.domain.access import Role
    from agent.domain.account import User
    from dashboard.text import Text

    import_module(f"dashboard.views.{view}").show(Text(language), User("kato", Role(role)))


def draw(
    view: str,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    language: str = "en",
    role: Role = Role.AUDITOR,
) -> AppTest:
    """Run a page on a site; an exception on it fails the test."""
    monkeypatch.setenv(queries.SITE_VARIABLE, str(site.root))
    arguments = (view, language, role.value)
    app = AppTest.from_function(_script, default_timeout=120, args=arguments)
    app.run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    """Return all text of a page, tables and code included."""
    kinds = (
        app.title, app.markdown, app.caption, app.info, app.warning, app.error, app.success,
        app.code,
    )  # fmt: skip
    parts = [element.value for kind in kinds for element in kind]
    parts += [f"{metric.label} {metric.value}" for metric in app.metric]
    parts += [frame.value.to_string() for frame in app.dataframe]
    parts += [html.unescape(element.proto.body) for element in app.get("html")]
    return "\n".join(str(part) for part in parts)


class _Tables(HTMLParser):
    """Reads the rows of each table in a page's HTML, by their columns' names."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[list[dict[str, str]]] = []
        self._name: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a table, a row or a cell."""
        if tag == "table":
            self.found.append([])
        elif tag == "tbody":
            self.found[-1] = []
        elif tag == "tr" and self.found:
            self.found[-1].append({})
        self._name = dict(attrs).get("data-name") if tag == "td" else self._name

    def handle_endtag(self, tag: str) -> None:
        """End a cell."""
        if tag == "td":
            self._name = None

    def handle_data(self, data: str) -> None:
        """Take a cell's text."""
        if self._name is not None:
            self.found[-1][-1][self._name] = data


def tables(app: AppTest) -> list[list[dict[str, str]]]:
    """Return the rows of each table of a page, as text by column."""
    reader = _Tables()
    for element in app.get("html"):
        reader.feed(element.proto.body)
    return reader.found
