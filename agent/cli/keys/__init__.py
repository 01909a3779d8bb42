"""`omokage keys`: whom the agent encrypts to, who can open it, and until when."""

from __future__ import annotations

import click

from agent.cli.lazy import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("agent.cli.keys.init:init", "Make the keys of a site that has none."),
    "status": ("agent.cli.keys.status:status", "Say which keys are in use, and until when."),
    "extend": ("agent.cli.keys.extend:extend", "Make epochs for further weeks."),
    "rotate": (
        "agent.cli.keys.rotate:rotate",
        "Replace a passphrase, a signing key or a recipient.",
    ),
    "destroy": ("agent.cli.keys.destroy:destroy", "Destroy private keys, and with them records."),
    "verify": ("agent.cli.keys.verify:verify", "Check that vault and public keys belong together."),
    "form": ("agent.cli.keys.form:form", "Print the paper form of the key ceremony."),
    "export-public": (
        "agent.cli.keys.export:export_public",
        "Write the public side, for the machine with the camera.",
    ),
}
"""Name: where the command lives, and what it does."""


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    epilog="A lost passphrase can't be recovered, and neither can the records: not by anybody.",
)
def keys() -> None:
    """Keys: the agent gets public ones only; private ones lie in the vault, under a passphrase."""
