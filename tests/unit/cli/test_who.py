"""Whom the access log names: who signed in, not the account that they act as."""

from __future__ import annotations

import os
import pwd

import pytest

from agent.cli import who


@pytest.mark.parametrize(
    ("content", "expected"), [("1000\n", 1000), ("4294967295", None), ("", None), ("x", None)]
)
def test_the_kernels_word_is_read(tmp_path, content, expected):
    """A uid, or nobody; what can't be understood is nobody."""
    path = tmp_path / "loginuid"
    path.write_text(content, "ascii")

    assert expected == who.login_of(path)
    assert who.login_of(tmp_path / "missing") is None


def test_whoever_signed_in_is_named_behind_the_services_account(tmp_path, monkeypatch):
    """Acting as root or as the service doesn't hide who did it."""
    path = tmp_path / "loginuid"
    path.write_text("12345678", "ascii")
    monkeypatch.setattr(who, "LOGIN", path)
    own = pwd.getpwuid(os.getuid()).pw_name
    monkeypatch.setattr(who, "SERVICE", frozenset({own}))

    assert who.operator() == "uid-12345678"


def test_an_ordinary_account_is_itself(tmp_path, monkeypatch):
    """Somebody who became another person's account is that account, as the system says."""
    path = tmp_path / "loginuid"
    path.write_text("12345678", "ascii")
    monkeypatch.setattr(who, "LOGIN", path)
    monkeypatch.setattr(who, "SERVICE", frozenset())

    assert who.operator() == pwd.getpwuid(os.getuid()).pw_name
