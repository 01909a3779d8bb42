"""Every change to the keys stands in the access log before it is done."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from agent.config.site import Site
    from agent.crypto.change import KeyPaths
    from agent.crypto.keybox import KeyBox
    from agent.domain.access import AccessRecorder, Action


@contextmanager
def unlocked(
    site: Site, paths: KeyPaths, passphrases: tuple[str, ...], now: datetime, *, why: str
) -> Iterator[KeyBox]:
    """Open the vault for a change that nobody else makes at the same time.

    Raises:
        SealError, ConfigError, StoreError: as `open_box`, `exclusive` and `announced`.
    """
    from agent.crypto.change import open_box
    from agent.crypto.files import PUBLIC_FOLDER, exclusive, make_folder
    from agent.domain.access import Action

    make_folder(paths.public.parent, PUBLIC_FOLDER)
    with exclusive(paths.vault.parent), exclusive(paths.public.parent):
        with announced(site, Action.UNLOCKED, now, note=why):
            box = open_box(paths, *passphrases, now=now)
        yield box


@contextmanager
def announced(
    site: Site, action: Action, now: datetime, objects: Iterable[str] = (), *, note: str = ""
) -> Iterator[None]:
    """Write down what is about to be done, then let it be done; a failure is written down too.

    Args:
        site: whose access log.
        action: what is done.
        now: aware UTC.
        objects: ids of the epochs it is done to.
        note: what exactly; no secret.

    Raises:
        StoreError: it can't be made durable; nothing is done then.
    """
    from agent.store.access_log import AccessLog

    log = AccessLog(site.access_log)
    try:
        with recorded(log, action, now, objects, note=note):
            yield
    finally:
        log.close()


@contextmanager
def recorded(
    log: AccessRecorder,
    action: Action,
    now: datetime,
    objects: Iterable[str] = (),
    *,
    note: str = "",
) -> Iterator[None]:
    """Do as `announced`, with any recorder."""
    from agent.cli.who import operator
    from agent.domain.access import AccessEvent, Decision, Role
    from agent.errors import AgentError

    ids = tuple(objects)
    counts = {"epochs": len(ids)} if ids else {}
    event = AccessEvent(now, operator(), Role.ADMIN, action, objects=ids, counts=counts, note=note)
    log.record(event)
    try:
        yield
    except AgentError as error:
        log.record(replace(event, decision=Decision.REFUSED, note=f"it failed: {error}"))
        raise
