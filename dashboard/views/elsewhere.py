"""What stands, at a centre, where a page needs the site itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from agent.domain.account import User
    from dashboard.text import Text


def show(words: Text, _user: User) -> None:
    """Say so, and where the page is."""
    st.title(words("sites.elsewhere_title"), anchor=False)
    st.info(words("sites.elsewhere"), icon=":material/storefront:")
