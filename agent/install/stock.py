"""Look at what a site holds before it is erased, and sign its log for the last time.

What can't be read is unknown, never a reason to keep it: an erasure has to work on a broken site.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import TypeVar

from agent.checkpoints import load_device, sign_log
from agent.config.policy_file import load_policy
from agent.config.site import Site
from agent.crypto.keys import load_public
from agent.crypto.root import fingerprint
from agent.crypto.vault import load_vault
from agent.domain.access import AccessEvent, Action, Role
from agent.errors import AgentError, PolicyForbids
from agent.install.erase import Stock
from agent.store.access_log import AccessLog
from agent.store.access_reader import AccessReader
from agent.store.aggregates import AggregateReader
from agent.store.reading import SegmentReader

T = TypeVar("T")


def take_stock(site: Site, root: Path, checkpoint: str = "") -> Stock:
    """Count what a site holds; nothing is changed.

    Args:
        site: as it lies on this machine, below `root`.
        root: of the target system.
        checkpoint: the access log's last signed state, for the receipt.
    """
    public = _known(lambda: load_public(site.public_keys))
    known = public.root if public is not None else None
    return Stock(
        site=_known(lambda: load_policy(site.policy).site) or "",
        device=public.device if public is not None else "",
        fingerprint=fingerprint(known) if known is not None else "",
        epochs=_known(lambda: len(load_vault(site.vault).epochs)) or 0,
        records=_known(lambda: _records(site.segments)),
        numbers=_known(lambda: _numbers(site.aggregates)),
        log=_known(lambda: AccessReader(site.access_log).count()),
        checkpoint=checkpoint,
        secret=tuple(files_of(site, root)),
        sent=site.sync.exists(),
    )


def files_of(site: Site, root: Path) -> list[PurePosixPath]:
    """Return every file of a site as a path of the target system; links aren't followed."""
    found = [p for p in site.root.rglob("*") if p.is_symlink() or p.is_file()]
    return [PurePosixPath("/") / p.relative_to(root).as_posix() for p in sorted(found)]


def refuse_held(site: Site, now: datetime) -> None:
    """Refuse to erase what somebody must keep.

    Raises:
        PolicyForbids: a legal hold is in force.
    """
    holds = _known(lambda: _holds(site.segments, now))
    if holds:
        raise PolicyForbids(
            f"{holds} legal hold{'s are' if holds > 1 else ' is'} in force on this site",
            advice="Lift it with `omokage policy hold lift`, if whoever placed it agrees.",
        )


def close_log(site: Site, actor: str, now: datetime) -> str:
    """Write down that the site is erased, and sign the log; "" where that can't be done.

    Returns:
        The signed checkpoint, for the receipt: the log itself goes too.
    """

    def close() -> str:
        event = AccessEvent(now, actor, Role.OPERATOR, Action.KEYS_DESTROYED, "site erased")
        with closing(AccessLog(site.access_log)) as log:
            log.record(event)
        return sign_log(site.access_log, load_device(site), now).note

    return (_known(close) or "") if site.access_log.exists() else ""


def _holds(path: Path, now: datetime) -> int:
    if not path.exists():
        return 0
    with SegmentReader(path) as reader:
        return len(reader.holds.active(now))


def _records(path: Path) -> int:
    if not path.exists():
        return 0
    with SegmentReader(path) as reader:
        return sum(holding.rows for holding in reader.holdings())


def _numbers(path: Path) -> int:
    return sum(holding.rows for holding in AggregateReader(path).holdings()) if path.exists() else 0


def _known(ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except (AgentError, OSError):
        return None
