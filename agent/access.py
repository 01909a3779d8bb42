"""The one door to the sealed records: first it is written down who opens it and why, then it opens.

What can't be written down isn't opened.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from agent.crypto.open import Opener, unlock
from agent.domain.access import AccessEvent, AccessRecorder, Action, Decision
from agent.errors import AgentError, ConfigError


def unlock_logged(
    vault: Path, *passphrases: str, recorder: AccessRecorder, event: AccessEvent
) -> Opener:
    """Unlock the vault, after writing down who does it; write down a refusal too.

    Args:
        vault: the wrapped private halves.
        passphrases: one for each person who is needed.
        recorder: the site's access log.
        event: who, as what, why (`purpose` must say it) and what for (`objects`); its action must
            be `UNLOCKED`.

    Raises:
        ConfigError: no purpose is given, or the action is another one; nothing was tried.
        StoreError: it can't be written down; nothing was tried, or it was refused.
        PassphraseWrong, UnknownKey, SealError: as `unlock`; the refusal is in the log.
    """
    if not event.purpose.strip():
        raise ConfigError(
            "records aren't opened without a purpose", advice="Say in a sentence why you look."
        )
    if event.action is not Action.UNLOCKED or not event.actor.strip():
        raise ConfigError("an unlock needs somebody who is answerable for it")
    recorder.record(event)
    try:
        return unlock(vault, *passphrases)
    except AgentError as error:
        # The kind of error only: its message is for the person at the keyboard.
        recorder.record(replace(event, decision=Decision.REFUSED, counts={type(error).__name__: 1}))
        raise
