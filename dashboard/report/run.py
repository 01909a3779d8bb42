"""Let `omokage report` make a report for the page, in a process of its own.

The page's own process may see neither models nor pixels; the command measures this PC with them and
hands over numbers only. Every argument is chosen from a list or is a day; nothing typed runs.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from agent.errors import ConfigError

if TYPE_CHECKING:
    from agent.config.site import Site
    from dashboard.queries import Days

LANGUAGES = ("ja", "en", "both")
FORMATS = {"pdf": "application/pdf", "html": "text/html"}
PATIENCE_SECONDS = 180


def make_report(place: Site, days: Days, language: str, form: str) -> bytes:
    """Return a report as a file's content.

    Args:
        place: the site.
        days: of the report.
        language: one of `LANGUAGES`.
        form: a key of `FORMATS`.

    Raises:
        ConfigError: it couldn't be made; the message is the command's own.
    """
    assert language in LANGUAGES
    assert form in FORMATS
    with tempfile.TemporaryDirectory(prefix="omokage-report-") as folder:
        out = Path(folder) / f"report.{form}"
        command = [
            sys.executable, "-P", "-m", "agent.cli.main", "report",
            "--site", str(place.root.resolve()), "--since", days.first.isoformat(),
            "--until", days.last.isoformat(), "--language", language, "--format", form,
            "--out", str(out),
        ]  # fmt: skip
        try:
            done = subprocess.run(  # noqa: S603  (our own argv)
                command, capture_output=True, text=True, encoding="utf-8",
                timeout=PATIENCE_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise ConfigError(
                "the report wasn't ready in time",
                advice="Try a shorter period, or run `omokage report` when the PC is less busy.",
            ) from error
        if done.returncode or not out.exists():
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            said = lines[0].removeprefix("error: ") if lines else "the report can't be made"
            advice = lines[1] if len(lines) > 1 else "Run `omokage report` on this PC to see why."
            raise ConfigError(said, advice=advice)
        return out.read_bytes()
