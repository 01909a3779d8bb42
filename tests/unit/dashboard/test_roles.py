"""Which pages there are for whom: decided by the table alone, on the server."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from agent.domain.access import Role
from agent.domain.account import PAGE_ROLES
from dashboard import pages, queries
from dashboard.pages import PAGES, Page, pages_for
from dashboard.text import LANGUAGES, Text, catalogue
from tests import signed_in
from tests.browser import seed

APP = Path(queries.__file__).with_name("app.py")
SECRET = Page(
    "secret", "secret", ":material/lock:", "role.reviewer", frozenset({Role.REVIEWER}),
    "tests.signed_in:show_secret",
)  # fmt: skip


def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a bare site the one that the pages read."""
    (tmp_path / "policy.toml").write_bytes(seed.DEMO.read_bytes())
    monkeypatch.setenv(queries.SITE_VARIABLE, str(tmp_path))
    return tmp_path


def registered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that will hold the addresses of the pages that are registered."""
    found: list[str] = []
    real = st.navigation

    def note(made: list[st.Page], **options: Any) -> Any:
        found[:] = [page.url_path for page in made]
        return real(made, **options)

    monkeypatch.setattr(st, "navigation", note)
    return found


@pytest.mark.parametrize("role", PAGE_ROLES)
def test_only_a_roles_own_pages_are_registered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: Role
) -> None:
    """What isn't registered has no address; the rest is there, and the first one is drawn."""
    monkeypatch.setattr(pages, "PAGES", (*PAGES, SECRET))
    root = site(tmp_path, monkeypatch)
    signed_in.sign_in(monkeypatch, root, role)
    found = registered(monkeypatch)
    shown = AppTest.from_file(str(APP), default_timeout=120).run()
    mine = [page.url_path for page in (*PAGES, SECRET) if role in page.roles]

    assert not shown.exception
    assert ["", *mine[1:]] == found  # the first one is at the root
    assert ("secret" in found) == (role is Role.REVIEWER)
    assert any(Text("en")(f"role.{role.value}") in c.value for c in shown.sidebar.caption)


def test_nobody_signed_in_sees_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the gate in front, and without its cookie, there is no page and no number."""
    site(tmp_path, monkeypatch)
    monkeypatch.setattr("dashboard.auth.running._CURRENT", [])
    found = registered(monkeypatch)
    bare = AppTest.from_file(str(APP), default_timeout=120).run()

    assert found == []
    assert len(bare.error) == 1
    assert not bare.title


@pytest.mark.parametrize("token", ["", "A" * 43])
def test_a_wrong_cookie_is_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    """Who the page is for comes from the table, not from what a browser says."""
    root = site(tmp_path, monkeypatch)
    signed_in.sign_in(monkeypatch, root, Role.ADMIN)
    signed_in.put_cookie(monkeypatch, token)
    shown = AppTest.from_file(str(APP), default_timeout=120).run()

    assert len(shown.error) == 1
    assert not shown.title


def test_the_button_signs_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After it the session holds no more."""
    root = site(tmp_path, monkeypatch)
    mine = signed_in.sign_in(monkeypatch, root)
    shown = AppTest.from_file(str(APP), default_timeout=120).run()
    shown.button(key="sign_out").click().run()

    assert mine.ending is not None
    assert not shown.title


def test_a_role_is_an_account_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two users in turn get two different navigations from the same process."""
    monkeypatch.setattr(pages, "PAGES", (*PAGES, SECRET))
    root = site(tmp_path, monkeypatch)
    found = registered(monkeypatch)
    seen = []
    for role in (Role.REVIEWER, Role.MANAGER):
        signed_in.sign_in(monkeypatch, root, role, role.value)
        AppTest.from_file(str(APP), default_timeout=120).run()
        seen.append("secret" in found)

    assert seen == [True, False]


def test_the_table_of_pages_is_sound() -> None:
    """Keys and addresses are there once, addresses are simple, titles exist, targets load."""
    assert len({page.key for page in PAGES}) == len({page.url_path for page in PAGES}) == len(PAGES)
    for page in PAGES:
        assert set(page.url_path) <= set(string.ascii_lowercase) | {"-"}
        assert page.title in catalogue()
        assert page.roles <= set(PAGE_ROLES)
        assert page.roles
        assert callable(page.load())


@pytest.mark.parametrize("role", sorted(set(Role) - set(PAGE_ROLES)))
def test_programs_have_no_page(role: Role) -> None:
    """The agent, the command line and a visitor see nothing."""
    assert pages_for(role) == ()


def test_reviewing_is_for_reviewers_alone() -> None:
    """Whatever the table says of others, only a reviewer reaches the code that opens records."""
    for page in PAGES:
        if page.target.startswith("dashboard.review"):
            assert page.roles == {Role.REVIEWER}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_role_has_a_name(language: str) -> None:
    """In both languages."""
    assert all(Text(language)(f"role.{role.value}") for role in PAGE_ROLES)
