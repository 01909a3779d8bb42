"""Draw one page of the dashboard alone, as a user would see it; for tests."""

from __future__ import annotations

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
    parts += [html.proto.body for html in app.get("html")]
    return "\n".join(str(part) for part in parts)
