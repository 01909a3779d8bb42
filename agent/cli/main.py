"""`omokage`: names the commands, loads one only when it is used, and ends with a known exit code.

`omokage --help` imports no command's module, so it stays fast however heavy a command is; the
one-line descriptions therefore stand in the table here.
"""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from typing import Any

import click

from agent.cli.lazy import LazyGroup
from agent.errors import AgentError

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("agent.cli.demo:demo", "Show everything on a synthetic clip; no camera needed."),
    "run": ("agent.cli.run:run", "Watch the site's cameras and keep statistics."),
    "status": ("agent.cli.status:status", "Say how the running agent is."),
    "pause": ("agent.cli.pause:pause", "Close the cameras for a while."),
    "resume": ("agent.cli.resume:resume", "End a pause."),
    "dashboard": ("agent.cli.dashboard:dashboard", "Open the pages for managers and reviewers."),
    "users": ("agent.cli.users:users", "Say who may sign in to the pages, and as what."),
    "analyze": ("agent.cli.analyze:analyze", "Turn pictures and videos into a table."),
    "evaluate": ("agent.cli.evaluate:evaluate", "Score the models, beside a baseline."),
    "calibrate": (
        "agent.cli.calibrate:calibrate",
        "Take over what reviews propose, or take it back.",
    ),
    "prove-discard": ("agent.cli.prove:prove", "Show that frames are gone, with a certificate."),
    "report": ("agent.cli.report:report", "Write what a trial found, as PDF or HTML."),
    "policy": ("agent.cli.policy:policy", "Check the site's rules, and delete what is due."),
    "keys": ("agent.cli.keys:keys", "Make, extend, replace and destroy the site's keys."),
    "audit": ("agent.cli.audit:audit", "Read, verify and sign the log of who did what."),
    "doctor": ("agent.cli.doctor:doctor", "Look at everything, and say what is to be done."),
    "install": ("agent.cli.install:install", "Put Omokage on this machine as a service."),
    "uninstall": ("agent.cli.uninstall:uninstall", "Take the service away, and erase its data."),
    "sync": ("agent.cli.sync:sync", "Send released numbers to the central database."),
    "central": ("agent.cli.central:central", "Set up and look after the central database."),
    "metrics": ("agent.cli.metrics:metrics", "Serve the health as text for Prometheus."),
    "version": ("agent.cli.main:version", "Print the versions in use."),
}
"""Name: where the command lives, and what it does."""

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it (128 + SIGINT)."""

EXIT_CODES = """\b
Exit codes:
  0  all is well
  1  the memory is full, or a defect
  2  a setting or an option is wrong
  3  a file can't be read
  4  a camera gives no picture
  5  a model can't be trusted
  6  a segment can't be sealed or opened
  7  the disk or the database refuses
  8  the policy doesn't allow it
  9  some files of a batch failed, the others are done
  10  the access log isn't what was written
  11  something of a frame was left where nothing should be
  12  a proof couldn't be carried out, or a certificate was changed
  13  `omokage doctor` found something that doesn't work or isn't safe
  14  the central database can't be reached or refuses; nothing is lost
  130  interrupted; finished work is kept"""


class Program(LazyGroup):
    """The outermost group: ends with a known exit code, whatever was refused inside."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; say what was refused and what to do about it."""
        try:
            return super().invoke(ctx)
        except AgentError as error:
            click.echo(f"error: {error}", err=True)
            click.echo(error.advice, err=True)
            ctx.exit(error.exit_code)
        except MemoryError:
            click.echo("error: this machine's memory is full", err=True)
            click.echo("Close other programs or add memory; what was stored is safe.", err=True)
            ctx.exit(AgentError.exit_code)
        except (KeyboardInterrupt, click.Abort):  # the latter where a question was being asked
            click.echo("\ninterrupted; finished work is kept", err=True)
            ctx.exit(INTERRUPTED)


@click.group(cls=Program, table=COMMANDS, epilog=EXIT_CODES)
def main() -> None:
    """Statistics about facial expression, without keeping anybody's face."""


@click.command(help=COMMANDS["version"][1])
def version() -> None:
    """Print the versions of Omokage and of what computes."""
    click.echo(f"omokage {_installed('omokage')}")
    click.echo(f"python {sys.version.split()[0]}")
    for name in ("onnxruntime", "opencv-python-headless", "numpy"):
        click.echo(f"{name} {_installed(name)}")


def _installed(name: str) -> str:
    try:
        return installed_version(name)
    except PackageNotFoundError:
        return "(not installed)"


if __name__ == "__main__":
    main()
