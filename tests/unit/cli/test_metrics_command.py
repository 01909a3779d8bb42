"""`omokage metrics`: prints once, and stays on this machine."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from agent.cli.main import main


def test_metrics_are_printed_once(tmp_path):
    """Without an agent the text says that nobody is up."""
    done = CliRunner().invoke(main, ["metrics", "--once", "--site", str(tmp_path)])

    assert done.exit_code == 0
    assert "omokage_up 0.0" in done.output


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "shop.example"])  # noqa: S104  (refused)
def test_other_machines_are_refused(tmp_path, host):
    """Health isn't served to a network."""
    done = CliRunner().invoke(main, ["metrics", "--host", host, "--site", str(tmp_path)])

    assert done.exit_code == 2
    assert "other machines" in done.output
