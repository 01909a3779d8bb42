"""`omokage install`: put Omokage on this machine as a service."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click

from agent.errors import ConfigError

if TYPE_CHECKING:
    from agent.config.site import Site

PACKAGE_LIST = "var/lib/dpkg/info/omokage.list"
PYTHON = "/usr/bin/python3"


@click.command()
@click.option(
    "--wheels",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of wheels, from `make wheels`; not needed where the program is in place.",
)
@click.option(
    "--policy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The site's rules; checked, then put in place. Without it the present ones stay.",
)
@click.option("--python", default=PYTHON, show_default=True, help="The system's Python.")
@click.option(
    "--seal-device-key",
    is_flag=True,
    help="Encrypt the signing key to this machine and hand it over as a credential.",
)
@click.option(
    "--central",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the centre's address; becomes an encrypted credential.",
)
@click.option("--no-start", is_flag=True, help="Enable the units without starting them.")
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path("/"),
    show_default=True,
    help="Install into a system that lies in this folder instead of this machine.",
)
@click.option("--dry-run", is_flag=True, help="Print every step and do none.")
def install(  # noqa: PLR0913  (an argument for each option)
    wheels: Path | None,
    policy: Path | None,
    python: str,
    seal_device_key: bool,
    central: Path | None,
    no_start: bool,
    root: Path,
    dry_run: bool,
) -> None:
    """Install Omokage as a service: accounts, program, folders, units. Run it as root.

    It may be run again: what is as it should be is left alone. No key is made: `omokage keys init`
    asks for the reviewer's passphrase, best on another machine.
    """
    from agent.config.site import Site
    from agent.install.doing import carry_out, inside
    from agent.install.plan import CENTRAL, PROGRAM, SITE, Wishes, plan_install
    from agent.install.steps import sentence

    root = root.resolve()
    site = Site(inside(root, SITE))
    packaged = (root / PACKAGE_LIST).exists()
    if wheels is None and not packaged and not inside(root, PROGRAM).exists():
        raise ConfigError(
            "the program isn't in place, and no wheels are named",
            advice="Make them with `make wheels` and add --wheels dist/wheels.",
        )
    if wheels is not None and root == Path("/"):
        _refuse_other_python(python)
    wishes = Wishes(
        root=root,
        wheels=wheels.resolve() if wheels else None,
        policy=policy.read_bytes() if policy else None,
        sources=_sources(policy or site.policy),
        python=PurePosixPath(python),
        packaged=packaged,
        seal_device_key=seal_device_key,
        start=not no_start,
        central=_checked(central),
        sends=inside(root, CENTRAL).exists(),
    )
    steps = plan_install(wishes, shipped_units())
    if dry_run:
        for step in steps:
            click.echo(sentence(step))
        click.echo(f"Nothing was done; {len(steps)} steps would be.")
        return
    changed = carry_out(steps, root, click.echo)
    click.echo(f"Installed; {changed} of {len(steps)} steps changed something.")
    for line in next_steps(site):
        click.echo(line)
    if central is not None:
        click.echo(f"{central.name} is a credential now: delete the file itself (`shred -u`).")


def _checked(central: Path | None) -> Path | None:
    """Return the file with the centre's address, once it may be used.

    Raises:
        ConfigError: it isn't allowed, or names no site.
    """
    from agent.store.central_address import load_address

    if central is None:
        return None
    if load_address(central).site is None:
        raise ConfigError(
            f"{central.name} doesn't name this site", advice='Add a line like: site = "kyoto"'
        )
    return central.resolve()


def shipped_units() -> dict[str, bytes]:
    """Return the files of `systemd/` by name."""
    from agent.shipped import shipped

    return {path.name: path.read_bytes() for path in shipped("systemd").iterdir()}


def next_steps(site: Site) -> list[str]:
    """Say what a person has to do now."""
    lines = []
    if not site.policy.exists():
        lines.append("Next: write a policy (docs/policy.md); `omokage install --policy FILE`.")
    if not site.public_keys.exists():
        lines.append("Next: `omokage keys init`, or bring the keys' files (docs/keys.md).")
    if not site.accounts.exists():
        lines.append("Next: `omokage users add NAME --role manager`; the pages are on port 8501.")
    return [*lines, "Then: `omokage doctor` says whether all is well."]


def _sources(policy: Path) -> tuple[str, ...]:
    """Return the sources of a policy's cameras; none where there is no policy yet.

    Raises:
        PolicyError: the policy may not be used.
    """
    from agent.config.policy_file import load_policy

    if not policy.exists():
        return ()
    return tuple(zone.source for zone in load_policy(policy).zones if zone.source)


def _refuse_other_python(python: str) -> None:
    """Refuse an interpreter that the wheels aren't for.

    Raises:
        ConfigError: it is missing, or another version than the one that builds.
    """
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run(  # noqa: S603  (the person's own choice, as root)
            [python, "-I", "-c", ask], capture_output=True, text=True, timeout=30, check=False
        )
    except OSError as error:
        raise ConfigError(f"{python} can't be run: {error.strerror}") from error
    if done.stdout.strip() != ours:
        raise ConfigError(
            f"{python} is Python {done.stdout.strip() or 'unknown'}, the wheels are for {ours}",
            advice=f"Name a Python {ours} with --python, or make the wheels with the system's.",
        )
