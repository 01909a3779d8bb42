"""One target, until its time is over: the process behind `tests.fuzz.run`."""

from __future__ import annotations

import hashlib
import random
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fuzz.mutation import mutate, mutations

if TYPE_CHECKING:
    from tests.fuzz.target import Target

LONGEST_S = 20  # for one file; longer is a finding
MEMORY_MB = 3000


class Findings:
    """What was found, each place of the code once.

    Attributes:
        name: of the target.
        folder: where files are kept that a reader fell over.
        places: kinds of error and the lines that raised them.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.places: set[str] = set()

    def add(self, content: bytes, error: Exception) -> None:
        """Keep a file that a reader fell over, and say so, unless its place is known."""
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"
        if place in self.places:
            return
        self.places.add(place)
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{self.name}-{hashlib.sha256(content).hexdigest()[:12]}"
        path.write_bytes(content)
        print(f"FINDING {self.name}: {place}: {str(error)[:200]}\n  file: {path}")
        print("".join(traceback.format_exception(error)[-4:])[:1500] + "\nEND", flush=True)


def by_chance(target: Target, findings: Findings, seconds: float, seed: int) -> None:
    """Break files at random."""
    began, tried = time.monotonic(), 0
    for content in mutations(target.seeds(), seed):
        if time.monotonic() - began > seconds:
            break
        tried += 1
        attempt(target, findings, content)
    print(f"tried: {tried}", flush=True)


def attempt(target: Target, findings: Findings, content: bytes) -> None:
    """Let the reader read one file."""
    try:
        target.try_one(content)
    except Exception as error:  # noqa: BLE001  (whatever it is, it is a finding)
        findings.add(content, error)


def by_coverage(target: Target, findings: Findings, seconds: float, seed: int, kept: Path) -> None:
    """Let atheris steer. It ends the process.

    A finding doesn't end the search: the reader's other weaknesses would wait behind it.
    """
    import atheris

    corpus, crashes = kept / "corpus" / findings.name, kept / "findings"
    for folder in (corpus, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    seeds = list(target.seeds())
    for number, content in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(content)

    def broken(content: bytes, most: int, number: int) -> bytes:
        # libFuzzer knows bytes; files have values and lines too.
        if number % 2:
            return bytes(atheris.Mutate(content, most))
        return mutate(content, random.Random(number), seeds)[:most]

    def try_one(content: bytes) -> None:
        attempt(target, findings, content)

    options = [
        f"-max_total_time={max(1, int(seconds))}",
        f"-seed={seed + 1}",
        f"-timeout={LONGEST_S}",
        f"-rss_limit_mb={MEMORY_MB}",
        "-print_final_stats=1",
        f"-artifact_prefix={crashes}/{findings.name}-",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], try_one, custom_mutator=broken)
    atheris.Fuzz()


def main(name: str, seconds: float, seed: int, kept: Path, *, steered: bool) -> None:
    """Fuzz one target."""
    findings = Findings(name, kept / "findings")
    if not steered:
        from tests.fuzz.handed import MEDIA
        from tests.fuzz.targets import TARGETS

        by_chance((TARGETS | MEDIA)[name], findings, seconds, seed)
        return
    import atheris

    # Our own code, and the readers of TOML and JSON, are watched from their import on.
    with atheris.instrument_imports(include=["agent", "dashboard", "tomllib", "json"]):
        from tests.fuzz.handed import MEDIA
        from tests.fuzz.targets import TARGETS

    by_coverage((TARGETS | MEDIA)[name], findings, seconds, seed, kept)


if __name__ == "__main__":
    main(
        sys.argv[1],
        float(sys.argv[2]),
        int(sys.argv[3]),
        Path(sys.argv[4]),
        steered=sys.argv[5] == "steered",
    )
