"""`omokage policy`: a site's rules, what they mean, and what they delete."""

from __future__ import annotations

import click

from agent.cli.lazy import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "check": ("agent.cli.policy.check:check", "Say whether a policy may be used, line by line."),
    "show": ("agent.cli.policy.show:show", "Say in plain sentences what a policy means."),
    "notice": ("agent.cli.policy.notice:notice", "Draw the notice that hangs at the camera."),
    "evidence": ("agent.cli.policy.evidence:evidence", "Fill in a checklist on a norm."),
    "plan": ("agent.cli.policy.plan:plan", "Say what would be deleted, and why."),
    "apply": ("agent.cli.policy.apply:apply", "Delete what is due; only says so unless asked."),
    "history": ("agent.cli.policy.history:history", "List applied policies and deletions."),
    "hold": ("agent.cli.policy.hold:hold", "Keep records longer, for a reason and for a time."),
    "start-over": ("agent.cli.policy.start_over:start_over", "Say that a database is lost."),
}
"""Name: where the command lives, and what it does."""


@click.group(cls=LazyGroup, table=COMMANDS)
def policy() -> None:
    """The site's rules: check them, read them as sentences, see and do what they delete."""
