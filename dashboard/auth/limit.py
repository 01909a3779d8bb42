"""How often somebody may guess: each failure beyond a few makes the next try wait longer. Pure."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

MOST_KEYS = 4096


@dataclass(frozen=True, slots=True)
class Rule:
    """How a delay grows.

    Attributes:
        free: failures that cost nothing.
        first: seconds to wait after the next one; each further one doubles it.
        longest: seconds, at most.
        forget: seconds without a try after which failures no longer count.
    """

    free: int
    first: float
    longest: float
    forget: float


ACCOUNT = Rule(free=5, first=2.0, longest=15 * 60.0, forget=2 * 3600.0)
"""Of a name, whether or not there is such an account: about 100 guesses a day."""
ADDRESS = Rule(free=20, first=1.0, longest=60.0, forget=3600.0)
"""Of an address: gentler, since behind a proxy everybody has the same one."""


class Limiter:
    """Counts tries by key; remembers a bounded number of keys, the latest ones."""

    def __init__(self, rule: Rule) -> None:
        """Begin with nobody having tried."""
        self._rule = rule
        self._tries: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, key: str, now: float) -> float:
        """Return for how many seconds this key may not try."""
        failures, last = self._of(key, now)
        return max(0.0, last + self._delay(failures) - now)

    def count(self, key: str, now: float) -> None:
        """Count a try as failed until `succeed` says otherwise.

        Called before the password is looked at, so that tries side by side count as well.
        """
        failures, _ = self._of(key, now)
        self._tries[key] = (failures + 1, now)
        self._tries.move_to_end(key)
        while len(self._tries) > MOST_KEYS:
            self._tries.popitem(last=False)

    def succeed(self, key: str) -> None:
        """Forget a key's failures."""
        self._tries.pop(key, None)

    def take_back(self, key: str) -> None:
        """Take back one try that was none after all; earlier failures stay."""
        failures, last = self._tries.get(key, (0, 0.0))
        if failures > 0:
            self._tries[key] = (failures - 1, last)

    def _of(self, key: str, now: float) -> tuple[int, float]:
        failures, last = self._tries.get(key, (0, now))
        return (0, now) if now - last >= self._rule.forget else (failures, last)

    def _delay(self, failures: int) -> float:
        rule = self._rule
        over = failures - rule.free
        if over < 0:
            return 0.0
        return float(min(rule.longest, rule.first * 2.0 ** min(over, 32)))
