"""The router: who is signed in, in which language, and which pages that makes.

Run by `dashboard.server`, behind the gate; without it nobody is signed in and nothing is shown.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from agent.domain.account import PAGE_ROLES, User
from dashboard import places, session
from dashboard.pages import Page, pages_for
from dashboard.text import LANGUAGES, Text, preferred

# Drawn here, because the browser would fetch an icon that is only named from another host.
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="8" fill="#14707A"/>'
    '<path d="M9 19c2 4 12 4 14 0" stroke="#fff" stroke-width="2.5" fill="none" '
    'stroke-linecap="round"/><path d="M9 12h4m6 0h4" stroke="#fff" stroke-width="2.5" '
    'stroke-linecap="round"/></svg>'
)


STYLE = Path(__file__).with_name("pages.css")
LOGO = Path(__file__).with_name("logo.svg")


def _language() -> str:
    """Ask for the language: the address first, then the browser's locale."""
    named = st.query_params.get("lang", "")
    default = named if named in LANGUAGES else preferred(st.context.locale)
    chosen = st.sidebar.segmented_control(
        f"{Text('en')('app.language')} · {Text('ja')('app.language')}",
        list(LANGUAGES),
        default=default,
        format_func=LANGUAGES.__getitem__,
        required=True,
        key="language",
    )
    if chosen != named:
        st.query_params["lang"] = chosen
    return chosen


def _who(words: Text, user: User, *, demo: bool) -> None:
    """Say who is signed in, beside the way out."""
    if demo:
        # Plain links, since those of markdown would open another tab.
        links = " · ".join(
            f"<b>{words(f'role.{role.value}')}</b>"
            if role == user.role
            else f'<a href="/enter?role={role.value}">{words(f"role.{role.value}")}</a>'
            for role in PAGE_ROLES
        )
        st.sidebar.html(f"<small>{words('account.demo_as')}<br>{links}</small>")
        return
    row = st.sidebar.container(horizontal=True, vertical_alignment="center")
    row.caption(f":material/person: {user.name} · {words(f'role.{user.role.value}')}")
    row.button(
        words("account.sign_out"), key="sign_out", on_click=session.sign_out, type="tertiary"
    )


def _registered(page: Page, words: Text, user: User, *, default: bool) -> st.Page:
    def show() -> None:
        page.load()(words, user)

    return st.Page(
        show, title=words(page.title), icon=page.icon, url_path=page.url_path, default=default
    )


def main() -> None:
    """Show the page that was asked for, out of those that the user may see."""
    st.set_page_config(
        page_title="Omokage", page_icon=ICON, layout="wide", initial_sidebar_state=240
    )
    st.html(STYLE)
    st.logo(LOGO, size="large")
    signed_in = session.current()
    user = signed_in.user
    words = Text(_language())
    _who(words, user, demo=signed_in.demo)
    st.sidebar.caption(words("app.tagline"))
    # Only these exist for this user; the address of any other page leads nowhere.
    mine = [
        _registered(page, words, user, default=number == 0)
        for number, page in enumerate(pages_for(user.role, central=places.is_central()))
    ]
    if not mine:
        st.info(words("account.demo_missing"))
        return
    st.navigation(mine, position="sidebar" if len(mine) > 1 else "hidden").run()


main()
