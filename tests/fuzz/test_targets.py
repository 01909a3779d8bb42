"""Whatever stands in a file, its reader returns or refuses in a sentence; it never falls over."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from agent.errors import AgentError, ModelError
from agent.export.job import VERSION
from tests.fuzz.handed import OIDC
from tests.fuzz.mutation import TOKENS, mutations
from tests.fuzz.one import Findings, attempt
from tests.fuzz.run import counts
from tests.fuzz.target import ROOT, Target, folder, leave
from tests.fuzz.targets import COLUMNS, TARGETS, database, key_files

SLOW = {"row": 60, "database": 60, "aggregates": 60, "identity": 60, "status": 30, "policy": 100}
"""How many files are tried where a reader takes milliseconds."""


@pytest.fixture(scope="module", autouse=True)
def _left_as_it_was() -> Iterator[None]:
    """Leave nothing in the temporary folder."""
    yield
    leave()
    key_files.cache_clear()
    database.cache_clear()


@pytest.mark.parametrize("name", TARGETS)
def test_a_broken_file_is_refused_in_a_sentence(name: str) -> None:
    """Files broken at random, the same ones in each run, end in a refusal with advice."""
    target = TARGETS[name]
    seeds = list(target.seeds())
    seeds = seeds[:: 1 + len(seeds) // 40]
    count = len(seeds) + SLOW.get(name, 200)

    for content in islice(mutations(seeds, seed=7), count):
        target.try_one(content)


@pytest.mark.parametrize("name", TARGETS)
def test_odd_files_are_refused_too(name: str) -> None:
    """Empty, endless, deep, and made of one odd token: no reader falls over any of them."""
    for token in TOKENS:
        TARGETS[name].try_one(token)


@pytest.mark.parametrize("name", sorted(set(TARGETS) - {"row", "status", "policy", "note"}))
def test_a_sound_file_is_accepted(name: str) -> None:
    """The seeds are files that are read, so what is broken was whole before."""
    target = TARGETS[name]

    assert target.try_one(target.seeds()[0])


MANIFEST = b'{"omokage_manifest": %d, "settings": {"every": "1"}}\n'
NPY = b"\x93NUMPY\x01\x00\x76\x00"


def npy(header: bytes, data: bytes = b"") -> bytes:
    """Return a file of one array with this header, for the first file of its target."""
    return b"\0" + NPY + header.ljust(117) + b"\n" + data


CURVES = b"-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----\n" % base64.b64encode(
    bytes.fromhex("302e020100300506032b656f04220420") + bytes(range(32))
)
FOUND: dict[str, tuple[str, bytes]] = {
    "a key of one curve with another's length": ("device-key", CURVES),
    "manifest nested for ever": ("manifest", b"[" * 100_000),
    "manifest without a stamp": ("manifest", MANIFEST % VERSION + b'{"file": "*clip.mp4"}\n'),
    "arrays that are encrypted": ("arrays", b"*encrypted"),
    "truth cut in a row": ("truth", b"*cut"),
    "truth of an infinite frame": ("truth", b"*frame"),
    "oidc nested for ever": ("oidc", b"[auth]\nclient_id = " + b"[" * 9000),
    "oidc with a number without end": ("oidc", b"[auth]\nclient_id = " + b"9" * 5000),
    "oidc with half an address": ("oidc", OIDC.replace(b"omokage.shop", b"omok[]age")),
    "array whose text is no text": (
        "affectnet-npy",
        npy(b"{'descr': '<U1', 'fortran_order': False, 'shape': (), }", b"\xff\xff\xff\x7f"),
    ),
    "array whose header never closes": ("affectnet-npy", npy(b"{'descr': '<U[[[[")),
    "array with a string that never closes": ("affectnet-npy", npy(b'{"""')),
    "array of a claimed terabyte": (
        "affectnet-npy",
        npy(b"{'descr': '<f8', 'fortran_order': False, 'shape': (999999999999,), }"),
    ),
    "expression of infinity": ("affectnet", b"*expression"),
    "votes that are no numbers": ("ferplus", b"*votes"),
    "pixels of 999": ("ferplus", b"*pixels"),
    "a picture whose name is too long": ("rafdb", b"test_" + b"x" * 5000 + b".jpg 4\n"),
    "numbers whose table's name isn't text": ("aggregates", b"*name"),
}
"""What `make fuzz` has found, by what it was; `*` stands for a change of the sound file."""


def encrypted(sound: bytes) -> bytes:
    """Return an archive whose entries claim to be encrypted."""
    flagged = bytearray(sound)
    for found in re.finditer(rb"PK\x01\x02", sound):
        flagged[found.start() + 8] |= 1
    return bytes(flagged)


CHANGES: dict[bytes, Callable[[bytes], bytes]] = {
    b"*encrypted": encrypted,
    b"*cut": lambda sound: sound[: sound.index(b"\n", 2000) + 5] + b"\n",
    b"*frame": lambda sound: re.sub(rb"\n\d+,", b"\ninf,", sound),
    b"*expression": lambda sound: sound.replace(b"1;2,2,", b"1;2,inf,"),
    b"*votes": lambda _: TARGETS["ferplus"].seeds()[1].replace(b"1,8,0", b"1,x,0"),
    b"*pixels": lambda sound: sound.replace(b" 7 7 7", b" 7 999 7"),
    b"*name": lambda sound: sound.replace(b"CREATE TABLE", b"CREATE \xd9\xffBLE"),
}


def spoiled(target: str, change: bytes) -> bytes:
    """Return a target's sound file, changed as a finding was; or the finding itself."""
    if change in CHANGES:
        return CHANGES[change](TARGETS[target].seeds()[0])
    return change.replace(b"*clip.mp4", str(folder() / "clip.mp4").encode())


@pytest.mark.parametrize("found", FOUND)
def test_what_fuzzing_has_found_is_refused_or_passed_over(found: str) -> None:
    """Each file that a reader once fell over ends in its refusal, or counts as not there."""
    target, change = FOUND[found]
    content = spoiled(target, change)

    assert content != TARGETS[target].seeds()[0]
    assert TARGETS[target].try_one(content) == (target == "manifest")


def test_texts_that_no_header_holds_are_refused() -> None:
    """A zone without a name, or with a long one, is no bucket's (found by fuzzing)."""
    for column in (("buckets", "zone"), ("buckets", "epoch"), ("buckets", "device")):
        for name in (b"", b"x" * 256):
            head = bytes([COLUMNS.index(column), 1])
            assert not TARGETS["row"].try_one(head + name)


def test_a_crash_is_a_finding() -> None:
    """A reader that raises something else, or refuses without advice, doesn't pass."""

    def crash(_: bytes) -> None:
        raise IndexError

    def mute(_: bytes) -> None:
        raise ModelError("no", advice=" ")

    for reader, kind in ((crash, IndexError), (mute, AssertionError)):
        with pytest.raises(kind):
            Target(reader, lambda: [b""]).try_one(b"x")
    assert issubclass(ModelError, AgentError)


def test_broken_files_are_the_same_in_each_run() -> None:
    """A finding can be repeated, and the mutations do change the file."""
    first, again = (list(islice(mutations([b"a = 1\nb = 2\n"], 3), 200)) for _ in range(2))

    assert first == again
    assert len(set(first)) > 100


def test_a_place_is_found_once_and_its_file_is_kept(tmp_path: Path, capsys) -> None:
    """The same fall a thousand times is one finding, counted by whoever watches the process."""

    def crash(content: bytes) -> None:
        raise ValueError(len(content))

    findings = Findings("card", tmp_path / "findings")
    for content in (b"x", b"xx", b"y"):
        attempt(Target(crash, lambda: [b""]), findings, content)

    said = capsys.readouterr().out
    assert [b"x"] == [path.read_bytes() for path in findings.folder.iterdir()]
    assert (0, None, 1) == counts(said.encode())
    assert "ValueError at test_targets.py" in capsys.readouterr().out


@pytest.mark.slow
def test_the_runner_leaves_nothing_in_the_temporary_folder(tmp_path: Path) -> None:
    """Each target has a process of its own, and what that one wrote goes with it."""
    (tmp_path / "tmp").mkdir()
    command = [sys.executable, "-m", "tests.fuzz.run", "pause", "database", "--seconds", "1"]
    done = subprocess.run(
        [*command, "--kept", str(tmp_path / "kept")],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path / "tmp")},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["pause", "database"] == [row[0] for row in rows[1:]]
    assert all(int(row[1]) > 10 for row in rows[1:])
    assert [] == list((tmp_path / "tmp").iterdir())
