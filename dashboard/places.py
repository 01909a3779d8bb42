"""Whose numbers a page is about: the site on this machine, or one at the centre.

`omokage dashboard --central FILE` names the centre in `VARIABLE`; then every place is `Afar`.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agent.clock import SystemClock
from agent.config.site import Site
from agent.store.central import Centre
from agent.store.central_address import load_address
from agent.store.central_shelf import CentralShelf

if TYPE_CHECKING:
    from agent.store.central import CentralSite
    from agent.store.shelf import Shelf

VARIABLE = "OMOKAGE_PAGES_CENTRAL"
PURGE_SECONDS = 3600.0
"""How often pages have the centre delete what is due, should no site do it."""
_PREFIX = "central:"


@dataclass(frozen=True, slots=True)
class Afar:
    """A site whose numbers lie at the centre.

    Attributes:
        name: its name there.
    """

    name: str


Somewhere = Site | Afar


def is_central() -> bool:
    """Say whether these pages are about a centre."""
    return bool(os.environ.get(VARIABLE))


@functools.cache
def centre() -> Centre:
    """Return the centre of these pages; its connections are shared by all of them.

    Raises:
        ConfigError: its file is missing or isn't allowed.
    """
    return Centre(load_address(Path(os.environ[VARIABLE])))


def sites() -> list[CentralSite]:
    """Return the sites that the centre knows, by name.

    Raises:
        SchemaTooNew, CentralError: it refuses.
    """
    _purge_if_due()
    return centre().sites()


def title_of(site: CentralSite) -> str:
    """Return what the pages call a site: the name in its policy, once it has sent something."""
    return f"{site.title} ({site.name})" if site.title else site.name


def source(place: Somewhere) -> Path | Shelf:
    """Return where a place's released numbers are read from."""
    return CentralShelf(centre(), place.name) if isinstance(place, Afar) else place.aggregates


def key_of(place: Somewhere) -> str:
    """Return a text that stands for a place in a shared cache."""
    return f"{_PREFIX}{place.name}" if isinstance(place, Afar) else str(place.root)


def place_of(key: str) -> Somewhere:
    """Return the place that a text stands for."""
    if is_central() and key.startswith(_PREFIX):
        return Afar(key.removeprefix(_PREFIX))
    return Site(Path(key))


class _Purged:
    """When these pages last had the centre purged, seconds since the machine started."""

    at: float | None = None


def _purge_if_due() -> None:
    clock = SystemClock()
    now = clock.since_boot()
    if _Purged.at is None or now - _Purged.at >= PURGE_SECONDS:
        centre().purge(clock.now())
        _Purged.at = now
