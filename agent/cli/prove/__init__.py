"""`omokage prove-discard`: shows that frames are gone once they were looked at."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.lazy import LazyGroup
from agent.cli.options import models_option, site_option
from agent.cli.policy.show import preferred_language

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.proof.certificate import Certificate
    from agent.proof.experiment import Order

COMMANDS: dict[str, tuple[str, str]] = {
    "verify": ("agent.cli.prove.verify:verify", "Check a certificate that somebody shows you."),
}
"""Name: where the command lives, and what it does."""


@click.group(cls=LazyGroup, table=COMMANDS, invoke_without_command=True)
@site_option
@models_option
@click.option(
    "--frames",
    type=click.IntRange(20, 10_000),
    default=60,
    show_default=True,
    help="Marked frames of each kind.",
)
@click.option(
    "--backend", type=click.Choice(["own", "mediapipe"]), default="own", show_default=True,
    help="Whose frames must die.",
)  # fmt: skip
@click.option(
    "--task-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="MediaPipe's face_landmarker.task, for --backend mediapipe.",
)
@click.option(
    "--json",
    "out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the certificate here too, as JSON that can be verified.",
)
@click.option(
    "--language",
    type=click.Choice(["ja", "en"]),
    default=preferred_language,
    show_default="the terminal's",
    help="Language of the certificate's text.",
)
@click.pass_context
def prove(  # noqa: PLR0913  (one parameter an option)
    context: click.Context,
    site: Path,
    models: Path,
    frames: int,
    backend: str,
    task_file: Path | None,
    out: Path | None,
    language: str,
) -> None:
    """Feed marked frames through the agent, then search all its memory and files for them.

    Takes about a minute. The agent runs as a process of its own, for a site that is made for this
    and deleted again; nothing of yours is touched. The certificate is signed with the device key
    of --site where there is one. Ends with exit code 11 where anything was found.
    """
    if context.invoked_subcommand is not None:
        return
    from agent.config.words import load_words
    from agent.errors import ConfigError, ResidueFound
    from agent.proof.experiment import Order
    from agent.proof.text import WORDS, render

    if backend == "mediapipe" and task_file is None:
        raise ConfigError("--backend mediapipe needs --task-file")
    order = Order(
        models=models.resolve(),
        frames=frames,
        task_file=task_file.resolve() if backend == "mediapipe" and task_file else None,
    )
    with _tidy_on_sigterm():
        certificate = certify(order, site)
    click.echo(render(certificate, load_words(language, WORDS)))
    if out is not None:
        write(out, certificate)
    found = certificate.statement.residue_bytes
    if found:
        raise ResidueFound(f"{found} bytes of marked frames were left")


@contextmanager
def _tidy_on_sigterm() -> Iterator[None]:
    """Remove the made-up site and end the agent also where this process is asked to end.

    Then it ends by the signal, as it would have: who sent it sees no difference.
    """
    ended: list[int] = []

    def end(number: int, _frame: object) -> None:
        ended.append(number)
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        if ended and before is signal.SIG_DFL:
            signal.raise_signal(signal.SIGTERM)


def certify(order: Order, site: Path) -> Certificate:
    """Carry out a proof and sign what it found.

    Raises:
        ConfigError: the site's device key is there and can't be used.
        ProofBroken: the proof couldn't be carried out.
    """
    from agent.clock import SystemClock
    from agent.proof.certificate import About, sign, state
    from agent.proof.experiment import prove as carry_out
    from agent.proof.signer import find_signer
    from agent.proof.versions import model_hashes, versions

    clock = SystemClock()
    key, device = find_signer(site)
    began = clock.monotonic()
    found = carry_out(order, clock, lambda step: click.echo(f"... {step}", err=True))
    about = About(
        made_at=clock.now().isoformat(timespec="seconds"),
        seconds=clock.monotonic() - began,
        backend="own" if order.task_file is None else "mediapipe",
        versions=versions(mediapipe=order.task_file is not None),
        models=model_hashes(order.models, order.task_file, found.health.get("models", ())),
    )
    return sign(state(found, about), key, device)


def write(out: Path, certificate: Certificate) -> None:
    """Write a certificate's JSON.

    Raises:
        ConfigError: the place can't be written to.
    """
    from agent.errors import ConfigError

    try:
        out.write_text(certificate.to_json(), "utf-8")
    except OSError as error:
        raise ConfigError(f"can't write {out.name}: {error.strerror}") from error
