"""Whoever names a folder that is no site is told so by every command, never an empty answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli.main import main

ANY = [
    ("run", 8), ("status", 2), ("pause", 2), ("resume", 2), ("users list", 2),
    ("users remove x", 2), ("calibrate show", 2), ("calibrate apply --reason r", 2),
    ("calibrate undo --reason r", 2), ("calibrate reset --reason r", 2), ("report --out r.html", 8),
    ("policy check", 8), ("policy show", 8), ("policy plan", 8), ("policy apply", 8),
    ("policy history", 2), ("policy hold list", 8), ("policy start-over", 8), ("keys status", 6),
    ("keys extend", 2), ("keys verify", 2), ("keys destroy --all", 2), ("keys export-public", 6),
    ("audit show", 2), ("audit verify", 2), ("audit checkpoint", 2), ("sync", 2), ("doctor", 13),
]  # fmt: skip

OTHERWISE = {"doctor", "report"}
"""The one has a table of findings, the other speaks through a process of its own."""


@pytest.mark.parametrize(("words", "code"), ANY)
def test_a_folder_that_is_no_site_is_refused(tmp_path: Path, words: str, code: int) -> None:
    """A mistyped --site ends with a documented code and advice; nothing is made there."""
    nowhere = tmp_path / "nowhere"

    done = CliRunner().invoke(main, [*words.split(), "--site", str(nowhere)])

    assert done.exit_code == code, done.output
    if words.split(maxsplit=1)[0] not in OTHERWISE:
        assert done.output.startswith("error: "), done.output
        assert len(done.output.strip().splitlines()) == 2
    assert not nowhere.exists()


def test_every_option_of_every_command_is_explained() -> None:
    """No option stands in a help text without a word about it."""
    import click

    def commands(group: click.Group, context: click.Context):
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None, name
            yield name, command
            if isinstance(command, click.Group):
                yield from commands(command, click.Context(command))

    mute = [
        f"{name} {option.opts[0]}"
        for name, command in commands(main, click.Context(main))
        for option in command.params
        if isinstance(option, click.Option) and not (option.help or "").strip()
    ]
    assert mute == []
