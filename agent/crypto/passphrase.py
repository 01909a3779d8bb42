"""Judges a new passphrase: by its length and by what everybody would try first.

A guess costs an attacker as much as Argon2id says (0.9 s of one processor core, measured), so
length is what counts. The list here is short on purpose: it catches carelessness, not every weak
choice.
"""

from __future__ import annotations

import re
import unicodedata

from agent.errors import ConfigError

SHORTEST = 12
FEWEST_LETTERS = 6
ADVICE = "Take five or six words that belong together for nobody but you."

_WORDS = (
    r"pass(word|phrase|wort)|omokage|secret|geheim|welcome|letmein|admin|changeme|qwertz?u?i?o?p?"
    r"|asdf(ghjkl)?|iloveyou|default|パスワード|パスフレーズ|ひみつ|面影|おもかげ"
)
_KNOWN = frozenset({"correcthorsebatterystaple", "thequickbrownfox", "openseseame", "opensesame"})
_ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "1234567890" * 3,
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
)


def judge(passphrase: str, *, names: tuple[str, ...] = ()) -> None:
    """Refuse a passphrase that is short, monotonous, or what everybody would try first.

    Args:
        passphrase: as it was typed.
        names: of the site and the device, which stand on the paper beside it.

    Raises:
        ConfigError: with the reason; it doesn't repeat the passphrase.
    """
    plain = unicodedata.normalize("NFKC", passphrase)
    if min(len(passphrase), len(plain)) < SHORTEST:
        raise ConfigError(f"the passphrase is shorter than {SHORTEST} characters", advice=ADVICE)
    folded = plain.casefold()
    if len(set(folded)) < FEWEST_LETTERS:
        raise ConfigError("the passphrase repeats a few characters", advice=ADVICE)
    letters = re.sub(r"[\W_]+", "", folded)
    words = re.sub(r"\d+", "", letters)
    if not words:
        raise ConfigError("the passphrase has no letters, only digits and signs", advice=ADVICE)
    known = [re.sub(r"[\W_\d]+", "", name.casefold()) for name in names]
    pattern = "|".join([_WORDS, *(re.escape(name) for name in known if name)])
    if (
        words in _KNOWN
        or re.fullmatch(f"({pattern})+", words)
        or any(_runs(letters, row) for row in _ROWS)
    ):
        raise ConfigError("everybody would try this passphrase first", advice=ADVICE)


def _runs(letters: str, row: str) -> bool:
    """Say whether letters only walk along a row, forwards or backwards."""
    return bool(letters) and (letters in row or letters[::-1] in row)
