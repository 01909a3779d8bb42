"""Fuzz some targets, or all, for as long as you like: `python -m tests.fuzz.run --help`.

With atheris (extra `fuzz`, where there is a wheel for your Python) what is tried is steered by the
code that it reaches; without it files are broken at random. Each target runs in a process of its
own, so that one that hangs, eats the memory or takes the interpreter along is a finding too, and
leaves nothing in the temporary folder. Findings and what steering has learned are kept in `.fuzz`.
Exit code 1 if there was a finding.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.fuzz.handed import MEDIA
from tests.fuzz.targets import TARGETS

ALL = TARGETS | MEDIA
KEPT = Path(".fuzz")
START_S = 90.0  # what a target may take to import, to write its seeds and to end


@dataclass(frozen=True, slots=True)
class Tally:
    """What came of one target.

    Attributes:
        tried: files.
        reached: edges of our own code that were reached; None without atheris.
        findings: places at which a reader fell over, and 1 for a process that did.
        ended: how the process ended otherwise than by its end; empty is well.
    """

    tried: int
    reached: int | None
    findings: int
    ended: str

    def line(self, name: str) -> str:
        """Return the line of the summary."""
        reached = "-" if self.reached is None else str(self.reached)
        return f"{name:<14}{self.tried:>10}{reached:>9}{self.findings:>10}  {self.ended}".rstrip()


def main() -> int:
    """Run what the command line names; returns an exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="all, if you name none")
    parser.add_argument("--seconds", type=float, default=60, help="for each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plain", action="store_true", help="not with atheris")
    parser.add_argument("--kept", type=Path, default=KEPT, help="folder of findings and corpora")
    chosen = parser.parse_args()
    if unknown := set(chosen.targets) - set(ALL):
        known = ", ".join(ALL)
        parser.error(f"there is no target {', '.join(sorted(unknown))}; there are {known}")
    steered = find_spec("atheris") is not None and not chosen.plain
    print(f"{'target':<14}{'files':>10}{'edges':>9}{'findings':>10}", flush=True)
    found = 0
    for name in chosen.targets or list(ALL):
        tally = fuzz(name, chosen.seconds, chosen.seed, chosen.kept, steered=steered)
        print(tally.line(name), flush=True)
        found += tally.findings
    return min(found, 1)


def fuzz(name: str, seconds: float, seed: int, kept: Path, *, steered: bool) -> Tally:
    """Run one target in a process of its own, with a temporary folder that goes with it.

    Args:
        name: of the target.
        seconds: to go on for.
        seed: of the random numbers.
        kept: folder for findings and corpora.
        steered: by atheris.
    """
    words = [name, str(seconds), str(seed), str(kept.absolute()), "steered" if steered else "plain"]
    with tempfile.TemporaryDirectory(prefix="omokage-fuzz-") as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-m", "tests.fuzz.one", *words],
                env=os.environ | {"TMPDIR": folder},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=seconds + START_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            return Tally(*counts(error.output or b""), "hangs")
    tried, reached, findings = counts(done.stdout + done.stderr)
    if done.returncode == 0:
        return Tally(tried, reached, findings, "")
    print(done.stderr.decode(errors="replace")[-3000:], flush=True)
    return Tally(tried, reached, findings + 1, f"ended with {done.returncode}")


def counts(output: bytes) -> tuple[int, int | None, int]:
    """Return how many files were tried, how many edges were reached, and the findings.

    Args:
        output: of the process; its findings are printed on the way.
    """
    findings = re.findall(rb"^FINDING .*?^END$", output, re.MULTILINE | re.DOTALL)
    for finding in findings:
        print(finding.decode(errors="replace").removesuffix("END"), flush=True)
    tried = re.findall(rb"^(?:tried|stat::number_of_executed_units): *(\d+)", output, re.MULTILINE)
    edges = re.findall(rb"^#\d+\s.*?\bcov: (\d+)", output, re.MULTILINE)
    return (
        int(tried[-1]) if tried else 0,
        int(edges[-1]) if edges else None,
        len(findings),
    )


if __name__ == "__main__":
    sys.exit(main())
