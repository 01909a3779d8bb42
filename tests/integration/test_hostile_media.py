"""A file that somebody sends can fail to be a picture; it can't do anything else.

A folder is laid out as an attacker would: playlists and session descriptions behind a video's first
bytes, names that are addresses or patterns, foreign formats under a picture's name, each of them
pointing at a secret beside it or at a listener on this machine. The kernel is asked whether the
secret was ever opened (inotify), the listeners whether anybody came.
"""

from __future__ import annotations

import contextlib
import csv
import ctypes
import hashlib
import os
import random
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.capture.factory import open_source
from agent.clock import SystemClock
from agent.errors import ConfigError, MediaError
from tests.fakes import write_picture, write_video
from tests.media import main as media_main
from tests.media import seeds, spoiled

ROOT = Path(__file__).resolve().parents[2]
IN_ACCESS, IN_OPEN = 0x1, 0x20
FLV, ASF = b"FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00", b"0&\xb2u\x8ef\xcf\x11"


class Watch:
    """Says which of some files were opened or read, by anybody."""

    def __init__(self, *paths: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._handle = libc.inotify_init1(os.O_NONBLOCK)
        assert self._handle >= 0
        for path in paths:
            assert libc.inotify_add_watch(self._handle, os.fsencode(path), IN_OPEN | IN_ACCESS) > 0

    def touched(self) -> bool:
        """Say whether there was an event since the last call."""
        try:
            return bool(os.read(self._handle, 65536))
        except BlockingIOError:
            return False

    def close(self) -> None:
        """End it."""
        os.close(self._handle)


class Trap:
    """A folder of hostile files, with what they point at.

    Attributes:
        folder: where they are.
        files: their names.
    """

    def __init__(self, folder: Path) -> None:
        """Lay it out."""
        self.folder = folder
        secret = write_video(folder / "secret.avi", frames=4)
        for number in range(3):
            write_picture(folder / f"secret{number}.png")
        self.stream = socket.create_server(("127.0.0.1", 0))
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.bind(("127.0.0.1", 0))
        for listener in (self.stream, self.datagrams):
            listener.setblocking(False)
        self.files = list(self._write(secret))
        secrets = [folder / "secret.avi", *folder.glob("secret[0-9].png")]
        self.watch = Watch(*secrets)

    def _write(self, secret: Path) -> Iterator[str]:
        tcp, udp = (s.getsockname()[1] for s in (self.stream, self.datagrams))
        call = f"http://127.0.0.1:{tcp}/x.ts"
        hls = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{secret}\n#EXTINF:2,\n{call}\n"
        concat = f"ffconcat version 1.0\nfile secret.avi\nfile '{call}'\n"
        sdp = f"\nv=0\nc=IN IP4 127.0.0.1\nm=video {udp} RTP/AVP 26\n"
        svg = f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{secret}"/></svg>'
        mpd = f"<MPD><Period><BaseURL>{call}</BaseURL></Period></MPD>"
        nut = b"\x1aE\xdf\xa3"
        contents = {
            "list.m3u8": hls.encode(), "list.mp4": hls.encode(), "list.jpg": hls.encode(),
            "list.ffconcat": concat.encode(), "concat.avi": concat.encode(),
            "masked.flv": FLV[:3] + b"\n" + hls.encode(), "session.flv": FLV[:3] + sdp.encode(),
            "session.wmv": ASF + sdp.encode(), "manifest.mkv": nut + mpd.encode(),
            "drawing.png": svg.encode(), "drawing.svg": svg.encode(),
            "paper.jpg": b"%PDF-1.7\n1 0 obj<</F(" + str(secret).encode() + b")>>",
            "script.mp4": b"#!/bin/sh\ntouch owned\n",
            "secret%d.png": FLV, "secret%d.mp4": FLV,
            "concat:secret.avi": FLV, "subfile,,start,0,end,900,,:secret.avi": FLV,
            "file:secret.avi": FLV, f"tcp:127.0.0.1:{tcp}": FLV, "-o": FLV,
        }  # fmt: skip
        for name, content in contents.items():
            (self.folder / name).write_bytes(content)
            yield name
        nested = self.folder / "http:" / f"127.0.0.1:{tcp}"
        nested.mkdir(parents=True)
        (nested / "x.mp4").write_bytes(FLV)
        yield f"http:/127.0.0.1:{tcp}/x.mp4"

    def sprung(self) -> list[str]:
        """Say what of all that was reached."""
        found = ["the secret was opened"] if self.watch.touched() else []
        with contextlib.suppress(BlockingIOError):
            self.stream.accept()[0].close()
            found.append("somebody connected")
        with contextlib.suppress(BlockingIOError):
            self.datagrams.recv(100)
            found.append("somebody sent")
        return found

    def state(self) -> dict[str, str]:
        """Return every file below the folder, with a digest."""
        return {
            str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in self.folder.rglob("*")
            if path.is_file()
        }

    def close(self) -> None:
        """Take it down."""
        self.watch.close()
        self.stream.close()
        self.datagrams.close()


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[Trap]:
    """Return a trap that nobody has touched yet."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    with closing(Trap(folder)) as made:
        made.sprung()
        yield made


def omokage(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "agent.cli.main", *words], check=False, capture_output=True,
        text=True, cwd=cwd, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=120,
    )  # fmt: skip


def test_the_trap_springs(trap: Trap) -> None:
    """The watchers see what they are for: a read file, a connection, a datagram."""
    (trap.folder / "secret.avi").read_bytes()
    tcp, udp = (s.getsockname() for s in (trap.stream, trap.datagrams))
    socket.create_connection(tcp).close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", udp)

    assert ["the secret was opened", "somebody connected", "somebody sent"] == trap.sprung()


def read_all(spec: str) -> None:
    """Read a source to its end."""
    with open_source(spec, clock=SystemClock()) as source:
        while source.read() is not None:
            pass


def test_no_source_opens_what_a_file_names(trap: Trap, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every hostile file is refused or empty as a source of `omokage run`, by any way of naming."""
    monkeypatch.chdir(trap.folder)
    before = trap.state()
    trap.sprung()

    for name in trap.files:
        for spec in (name, str(trap.folder / name), f"./{name}"):
            with pytest.raises((MediaError, ConfigError)):
                read_all(spec)
            assert [] == trap.sprung(), name

    trap.watch.touched()
    assert before == trap.state()


def test_analyze_refuses_them_and_writes_its_table_only(trap: Trap) -> None:
    """`omokage analyze` names each file that it couldn't read, ends with 9, touches no other."""
    good = write_picture(trap.folder / "good.png")
    before = trap.state()
    trap.sprung()

    done = omokage("analyze", "-o", "out.csv", "--no-progress", "--", good.name, *trap.files,
                   cwd=trap.folder)  # fmt: skip

    sprung = trap.sprung()
    after = trap.state()
    assert [] == sprung
    assert 9 == done.returncode, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert len(trap.files) == done.stderr.count("error: ") - 1  # and the batch's own
    with (trap.folder / "out.csv").open(newline="") as file:
        assert {"good.png"} == {row["source"] for row in csv.DictReader(file)}
    new = {name.partition("/")[0] for name in after.keys() - before.keys()}
    assert {"out.csv", "out.csv.manifest.jsonl", "out.csv.parts"} == new
    assert before.items() <= after.items()


def test_run_refuses_a_playlist(trap: Trap) -> None:
    """`omokage run` on a hostile file ends with the code for files, in a sentence."""
    site = trap.folder / "site"
    site.mkdir()
    shutil.copy(ROOT / "policies" / "demo.toml", site / "policy.toml")
    trap.sprung()

    done = omokage("run", "--site", "site", "--source", "list.mp4", cwd=trap.folder)

    assert [] == trap.sprung()
    assert 3 == done.returncode, done.stderr
    assert "list.mp4 is neither a picture nor a video" in done.stderr
    assert "Traceback" not in done.stderr


def read_spoiled(folder: Path, seed: int, count: int) -> str:
    """Read spoiled files in a process of its own; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.media", str(folder), str(seed), str(count)],
        check=False, capture_output=True, text=True, cwd=ROOT, timeout=120,
    )  # fmt: skip
    culprit = (folder / "now").read_text()
    assert 0 == done.returncode, f"seed, number, name: {culprit}\n{done.stderr[-2000:]}"
    return done.stdout


def test_spoiled_files_are_refused_not_crashed_on(tmp_path: Path) -> None:
    """Cut, flipped, exaggerated and mixed files give an error that is meant for them, or frames."""
    said = read_spoiled(tmp_path, seed=1, count=250)

    print(said)
    slowest = float(re.findall(r"slowest ([\d.]+) s", said)[0])
    assert "MediaError" in said
    assert "whole" in said
    assert slowest < 5


@pytest.mark.slow
def test_thousands_of_spoiled_files(tmp_path: Path) -> None:
    """Four thousand of them end no process, and none takes long or leaves a file behind."""
    said = read_spoiled(tmp_path, seed=2, count=4000)

    print(said)
    assert float(re.findall(r"slowest ([\d.]+) s", said)[0]) < 10
    assert {"now"} == {
        p.name for p in tmp_path.iterdir() if not p.stem.startswith(("seed", "clip"))
    }


@pytest.mark.slow
def test_analyze_survives_a_folder_of_spoiled_files(tmp_path: Path) -> None:
    """Hundreds of spoiled files through the real models: a table, an exit code, no traceback."""
    folder, kept = tmp_path / "media", tmp_path / "work"
    folder.mkdir()
    kept.mkdir()
    chance, wholes = random.Random(9), seeds(kept)
    for number in range(300):
        path = spoiled(wholes, kept, chance)
        path.rename(folder / f"{number:03d}{path.suffix}")

    done = omokage("analyze", str(folder), "-o", str(tmp_path / "out.csv"), "--no-progress",
                   cwd=tmp_path)  # fmt: skip

    assert 9 == done.returncode, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    failed = re.findall(r"(\d+) of 300 files failed", done.stderr)
    assert 50 < int(failed[0]) < 300
    assert (tmp_path / "out.csv").stat().st_size > 1000


def test_the_reader_of_spoiled_files_tells_of_a_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that isn't meant for a file isn't swallowed by the tests' own reader."""
    monkeypatch.setattr("sys.argv", ["media", str(tmp_path), "1", "5"])
    monkeypatch.setattr("tests.media.open_source", lambda *_, **__: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        media_main()
