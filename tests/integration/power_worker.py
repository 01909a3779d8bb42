"""Writes, closes, purges and rotates keys for some rounds, and says aloud what was acknowledged.

Started by `test_power_cut.py` under strace. With the word `careless` SQLite is told not to sync,
which the test must notice.
"""

from __future__ import annotations

import sys
from pathlib import Path

from agent.domain.segment import to_seconds
from tests.integration.kill_worker import Worker, say


class PowerWorker(Worker):
    """As the worker that is killed, but it ends by itself."""

    def work(self, rounds: int) -> None:
        """Do so many rounds."""
        for number in range(rounds):
            self.fill_bucket()
            self.clock.advance(60 * self.random.choice((15, 20, 45, 90)))
            say("now", to_seconds(self.clock.now()))
            self.upkeep.hint()
            self.upkeep.keep_if_due()
            say("kept", to_seconds(self.clock.now()))
            if number % 3 == 1:
                self.rotate()


def main() -> None:
    """Work on the site that is named."""
    root, seed, seconds, rounds = Path(sys.argv[1]), *map(int, sys.argv[2:5])
    worker = PowerWorker(root, seed, seconds)
    if "careless" in sys.argv:
        pooled = worker.store._engine.raw_connection()  # the pool has this one only
        pooled.driver_connection.execute("PRAGMA synchronous=OFF")
        pooled.close()
    say("begun")
    worker.work(rounds)


if __name__ == "__main__":
    main()
