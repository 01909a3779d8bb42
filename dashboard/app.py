"""The router: which pages there are, in which language. Run by `omokage dashboard`."""

from __future__ import annotations

import streamlit as st

from dashboard.text import LANGUAGES, Text, preferred
from dashboard.views import overview

# Drawn here, because the browser would fetch an icon that is only named from another host.
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="8" fill="#14707A"/>'
    '<path d="M9 19c2 4 12 4 14 0" stroke="#fff" stroke-width="2.5" fill="none" '
    'stroke-linecap="round"/><path d="M9 12h4m6 0h4" stroke="#fff" stroke-width="2.5" '
    'stroke-linecap="round"/></svg>'
)


# The default leaves a hand's breadth empty above the page; the numbers should come first.
STYLE = """
[data-testid="stMainBlockContainer"] { padding-top: 2.6rem; padding-bottom: 2rem; }
[data-testid="stMainBlockContainer"] h1 { font-size: 2rem; padding: 0.4rem 0; }
[data-testid="stMainBlockContainer"] h4 { font-size: 1.3rem; }
[data-testid="stMetricValue"] { font-size: 1.6rem; }
/* The page refreshes by itself; what is on it must not fade each time. */
[data-stale="true"] { opacity: 1 !important; transition: none !important; }
@media (max-width: 640px) {
  [data-testid="stMainBlockContainer"] { padding-top: 3.6rem; }
  [data-testid="stMainBlockContainer"] h1 { font-size: 1.6rem; }
}
"""


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


def main() -> None:
    """Show the page that was asked for."""
    st.set_page_config(
        page_title="Omokage", page_icon=ICON, layout="wide", initial_sidebar_state=240
    )
    st.html(f"<style>{STYLE}</style>")
    st.sidebar.markdown("### 面影 Omokage")
    words = Text(_language())
    st.sidebar.caption(words("app.tagline"))
    page = st.Page(
        lambda: overview.show(words),
        title=words("app.overview"),
        icon=":material/monitoring:",
        url_path="overview",
        default=True,
    )
    st.navigation([page], position="hidden").run()


main()
