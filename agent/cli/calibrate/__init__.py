"""`omokage calibrate`: take over what reviews propose, and take it back."""

from __future__ import annotations

import click

from agent.cli.lazy import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "show": ("agent.cli.calibrate.show:show", "Say what holds, and what the reviews propose."),
    "apply": ("agent.cli.calibrate.change:apply", "Take over what the reviews propose."),
    "undo": ("agent.cli.calibrate.change:undo", "Take the last change back."),
    "reset": ("agent.cli.calibrate.change:reset", "Go back to what the models came with."),
}
"""Name: where the command lives, and what it does."""


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    epilog="Each change is written into the access log first. A running agent takes it up when the "
    "next time bucket begins; numbers before and after it can't be compared.",
)
def calibrate() -> None:
    """Thresholds of movements and certainty of classes, by what reviewers said."""
