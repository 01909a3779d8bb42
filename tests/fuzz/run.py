"""Fuzz one target, or all, for as long as you like: `python -m tests.fuzz.run --help`.

With atheris (extra `fuzz`, where there is a wheel for your Python) what is tried is steered by the
code that it reaches; without it files are broken at random. A finding is printed with the file
that causes it, and ends the run with exit code 1.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import time
import traceback
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fuzz.mutation import mutations

if TYPE_CHECKING:
    from tests.fuzz.targets import Target


def main() -> int:
    """Run what the command line names; returns an exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="all, if you name none")
    parser.add_argument("--seconds", type=float, default=60, help="for each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plain", action="store_true", help="not with atheris")
    chosen = parser.parse_args()
    steered = find_spec("atheris") is not None and not chosen.plain
    targets = load_targets(steered=steered and len(chosen.targets) == 1)
    if unknown := set(chosen.targets) - set(targets):
        parser.error(
            f"there is no target {', '.join(sorted(unknown))}; there are {', '.join(targets)}"
        )
    names = chosen.targets or list(targets)
    found = 0
    for name in names:
        if not steered:
            found += by_chance(name, targets[name], chosen.seconds, chosen.seed)
        elif len(names) == 1:
            return by_coverage(name, targets[name], chosen.seconds, chosen.seed)
        else:  # libFuzzer ends its process, so each target gets one
            again = ["--seconds", str(chosen.seconds), "--seed", str(chosen.seed)]
            command = [sys.executable, "-m", "tests.fuzz.run", name, *again]
            found += bool(subprocess.run(command, check=False).returncode)
    return min(found, 1)


def load_targets(*, steered: bool) -> dict[str, Target]:
    """Import the targets; atheris watches our own code and TOML's, from its import on."""
    if not steered:
        from tests.fuzz.targets import TARGETS

        return TARGETS
    import atheris

    with atheris.instrument_imports(include=["agent", "tomllib", "json"]):
        from tests.fuzz.targets import TARGETS

        return TARGETS


def by_chance(name: str, target: Target, seconds: float, seed: int) -> int:
    """Break files at random; returns the number of findings, each place of the code once."""
    began, tried, accepted = time.monotonic(), 0, 0
    findings: dict[str, bytes] = {}
    for content in mutations(target.seeds(), seed):
        if time.monotonic() - began > seconds:
            break
        tried += 1
        try:
            accepted += target.try_one(content)
        except Exception as error:  # noqa: BLE001  (whatever it is, it is a finding)
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"
            if place not in findings:
                findings[place] = content
                report(name, content, error)
    print(f"{name}: {tried} files, {accepted} accepted, {len(findings)} findings", flush=True)
    return len(findings)


def report(name: str, content: bytes, error: BaseException) -> None:
    """Print a finding and keep its file in the temporary folder."""
    digest = hashlib.sha256(content).hexdigest()[:12]
    path = Path(tempfile.gettempdir()) / f"omokage-finding-{name}-{digest}"
    path.write_bytes(content)
    print(f"FINDING {name}: {type(error).__name__}: {str(error)[:200]}\n  file: {path}")
    print("".join(traceback.format_exception(error)[-4:])[:1500])


def by_coverage(name: str, target: Target, seconds: float, seed: int) -> int:
    """Let atheris steer; it ends the process."""
    import atheris

    corpus = Path(tempfile.mkdtemp(prefix=f"omokage-corpus-{name}-"))
    for number, content in enumerate(target.seeds()):
        (corpus / str(number)).write_bytes(content)

    def one(content: bytes) -> None:
        try:
            target.try_one(content)
        except Exception as error:
            report(name, content, error)
            raise

    options = [f"-max_total_time={int(seconds)}", f"-seed={seed + 1}", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], str(corpus), *options, f"-artifact_prefix={corpus}/"], one)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
