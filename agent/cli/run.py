"""`omokage run`: watch the site's cameras until told to stop."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

import click

from agent.cli.options import models_option, site_option
from agent.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agent.domain.observation import FaceBackend
    from agent.domain.policy import Policy


def parse_sources(texts: tuple[str, ...], zones: list[str]) -> dict[str, str]:
    """Read `--source` options: `ZONE=SPEC`, or a bare `SPEC` where there is one zone.

    Raises:
        ConfigError: an unknown zone, a zone named twice, or a bare spec with several zones.
    """
    found: dict[str, str] = {}
    for text in texts:
        named = re.fullmatch(r"([a-z0-9][a-z0-9-]{0,31})=(.+)", text)
        if named is None and len(zones) != 1:
            raise ConfigError(
                "several zones need a source each",
                advice=f"Write --source ZONE=SPEC; the zones are {', '.join(zones)}.",
            )
        zone, spec = (named[1], named[2]) if named else (zones[0], text)
        if zone not in zones:
            raise ConfigError(
                f"the policy has no zone {zone}", advice=f"Its zones are {', '.join(zones)}."
            )
        if zone in found:
            raise ConfigError(f"zone {zone} has two sources")
        found[zone] = spec
    return found


@click.command()
@site_option
@models_option
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="[ZONE=]SPEC",
    help="Camera number, /dev/videoN, rtsp:// or http:// address, file, folder, or demo; "
    "overrides the policy's. Repeat it for several zones.",
)
@click.option("--loop", is_flag=True, help="Play a file again and again, as if it were a camera.")
@click.option("--seconds", type=click.FloatRange(min=0.1), help="Stop after so long.")
@click.option(
    "--threads", type=click.IntRange(1, 64), default=1, show_default=True,
    help="Processor threads for the models.",
)  # fmt: skip
@click.option(
    "--backend", type=click.Choice(["own", "mediapipe"]), default="own", show_default=True,
    help="Who looks at the faces.",
)  # fmt: skip
@click.option("--task-file", help="MediaPipe's face_landmarker.task, for --backend mediapipe.")
def run(  # noqa: PLR0913  (one parameter an option)
    site: Path,
    models: Path,
    sources: tuple[str, ...],
    loop: bool,
    seconds: float | None,
    threads: int,
    backend: str,
    task_file: str | None,
) -> None:
    """Watch the site's cameras and keep statistics; Ctrl-C ends it cleanly.

    Frames are looked at in memory and wiped at once. Sealed records and released aggregates go to
    the site's state folder; without keys nothing is recorded, and statistics go on.
    """
    from agent.clock import SystemClock
    from agent.config.policy_file import load_policy
    from agent.config.site import Site
    from agent.service import Agent, RunOptions

    folder = Site(site)
    zones = [zone.name for zone in load_policy(folder.policy).zones]
    options = RunOptions(
        sources=parse_sources(sources, zones),
        loop=loop,
        seconds=seconds,
        models=models,
        threads=threads,
        backend=_other_backend(backend, task_file),
    )
    agent = Agent(folder, options, SystemClock())
    click.echo(f"watching {len(zones)} zone(s) of {agent.policy.site}; Ctrl-C ends", err=True)
    agent.run()
    if agent.left_behind:
        # A driver still hangs in a read. Its thread would abort the interpreter's orderly end.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _other_backend(name: str, task_file: str | None) -> Callable[[Policy], FaceBackend] | None:
    if name == "own":
        return None
    if task_file is None:
        raise ConfigError("--backend mediapipe needs --task-file")
    from pathlib import Path

    from agent.inference.mediapipe import load_mediapipe

    return lambda policy: load_mediapipe(Path(task_file), heads=policy.heads)
