"""`omokage audit`: the log of who did what, and whether it is still what was written."""

from __future__ import annotations

import click

from agent.cli.lazy import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "show": ("agent.cli.audit.show:show", "Show entries, the newest last."),
    "verify": ("agent.cli.audit.verify:verify", "Check that nothing was changed or cut off."),
    "checkpoint": ("agent.cli.audit.checkpoint:checkpoint", "Sign the log as it is now."),
    "export": ("agent.cli.audit.export:export", "Write all entries for an auditor."),
    "erase": ("agent.cli.audit.erase:erase", "Erase one person's name and notes."),
}
"""Name: where the command lives, and what it does."""


@click.group(cls=LazyGroup, table=COMMANDS)
def audit() -> None:
    """The access log: who did what, when and why, and whether it is still what was written."""
