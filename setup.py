"""Put the data folders into the wheel; everything else stands in pyproject.toml.

An editable install reads them from the checkout, see agent/shipped.py.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
FOLDERS = ("models", "policies", "systemd", "docs/examples")
FILES = ("requirements.lock", "NOTICE", "LICENSE")


class BuildWithData(build_py):
    """Copies the data beside the code that looks for it."""

    def run(self) -> None:
        """Build as usual, then add the folders."""
        if self.editable_mode:
            super().run()
            return
        # A file that is gone from the tree must not come back from an earlier build.
        shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()
        data = Path(self.build_lib) / "agent" / "shipped_data"
        for name in FOLDERS:
            shutil.copytree(ROOT / name, data / name)
        for name in FILES:
            shutil.copy2(ROOT / name, data / name)


setup(cmdclass={"build_py": BuildWithData})
