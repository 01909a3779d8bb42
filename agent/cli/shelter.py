"""What every command does first that looks at pictures of people."""

from __future__ import annotations

import click


def shelter() -> None:
    """Have freed memory overwritten, forbid core dumps, keep pages out of swap, as the agent does.

    What can't be had here is said on stderr; the command goes on.
    """
    from agent.process import harden, swap_is_on

    for sentence in harden(lock_memory=swap_is_on()):
        click.echo(f"note: {sentence}", err=True)
