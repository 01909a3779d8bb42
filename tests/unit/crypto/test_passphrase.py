"""A new passphrase is refused when it is short or what everybody would try first."""

from __future__ import annotations

import pytest

from agent.crypto.create import judge_all
from agent.crypto.passphrase import judge
from agent.errors import ConfigError


@pytest.mark.parametrize(
    "weak",
    [
        "",
        "eleven char",
        "aaaaaaaaaaaaaaaaaaaa",
        "abababababababab",
        "121212121212121212",
        "493028174920",
        "19990213-20011231",
        "Password123456",
        "password-password",
        "Pass Phrase 2026!",
        "omokage-omokage-1",
        "面影面影面影面影面影面影面影",
        "パスワードパスワード",
        "abcdefghijklmnop",
        "zyxwvutsrqponm",
        "qwertyuiopasdf",
        "Correct Horse Battery Staple",
        "till-1 till-1 till-1",
    ],
)
def test_what_everybody_would_try_is_refused(weak: str) -> None:
    """Short, monotonous, numeric, on every list, or the device's own name."""
    with pytest.raises(ConfigError) as refusal:
        judge(weak, names=("till-1",))
    assert not weak or weak not in str(refusal.value)


@pytest.mark.parametrize(
    "fine",
    [
        "correct horse battery",
        "vier blaue Elefanten tanzen",
        "夜更けの喫茶店で猫が三匹笑った",
        "omokage demo only",
        "my password is long enough to be fine",
    ],
)
def test_a_passphrase_of_ones_own_is_fine(fine: str) -> None:
    """Length counts; no rule asks for signs and digits."""
    judge(fine, names=("till-1",))


def test_a_length_is_counted_after_normalisation() -> None:
    """Letters typed in two parts don't make a passphrase longer."""
    with pytest.raises(ConfigError, match="shorter"):
        judge("か\u3099き\u3099く\u3099け\u3099こ\u3099さ\u3099")


def test_two_persons_may_not_agree_on_one() -> None:
    """Whoever knows one would know both."""
    with pytest.raises(ConfigError, match="same"):
        judge_all(("correct horse battery",) * 2)
