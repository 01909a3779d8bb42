"""Start a process of ours, get the two open files to look into it, stop it, copy it, go on."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from agent.errors import ProofBroken
from agent.proof.memory import Snapshot, copy_memory

START_SECONDS = 60
END_SECONDS = 30

SUBJECT = (sys.executable, "-P", "-m", "agent.proof.subject")
KEEPER = (sys.executable, "-P", "-m", "agent.proof.keeper")


class Child:
    """A process that handed over its `smaps` and `mem`; use it in `with`."""

    def __init__(self, command: Sequence[str], cwd: Path) -> None:
        """Start it; the number of its end of the socket becomes its last argument.

        Raises:
            ProofBroken: it ended before it could be looked into.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  (our own program)
                [*command, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, _paths()))},
            )
        self._link = ours
        self._link.settimeout(START_SECONDS)
        self._files: list[int] = []

    @property
    def pid(self) -> int:
        """Return its number."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in self._files:
            os.close(descriptor)
        self._link.close()
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def receive_files(self) -> None:
        """Take over the two open files."""
        try:
            _, self._files, _, _ = socket.recv_fds(self._link, 5, 2)
        except OSError as error:
            raise self._gone() from error
        if len(self._files) != 2:
            raise self._gone()

    def say(self, **what: Any) -> None:
        """Send one JSON line."""
        try:
            self._link.sendall(json.dumps(what).encode() + b"\n")
        except OSError as error:
            raise self._gone() from error

    def send(self, content: bytes) -> None:
        """Send bytes."""
        self._link.sendall(content)

    def hear(self) -> dict[str, Any]:
        """Wait for one JSON line."""
        found = b""
        try:
            while not found.endswith(b"\n"):
                part = self._link.recv(1)
                if not part:
                    raise self._gone()
                found += part
        except OSError as error:
            raise self._gone() from error
        answer: dict[str, Any] = json.loads(found)
        return answer

    def end(self) -> None:
        """Ask it to end, as systemd would."""
        self._process.terminate()

    def copy(self) -> Snapshot:
        """Copy its memory while it stands still, then let it go on."""
        smaps, memory = self._files
        if self._process.poll() is not None:
            raise self._gone()
        self._process.send_signal(signal.SIGSTOP)
        try:
            self._await_stop()
            return copy_memory(smaps, memory)
        finally:
            self._process.send_signal(signal.SIGCONT)

    def _await_stop(self) -> None:
        stat = Path(f"/proc/{self.pid}/stat")
        for _ in range(200):
            # The state follows the name, which may hold anything but ends with the last bracket.
            if stat.read_text("utf-8", errors="replace").rpartition(")")[2].split()[0] in "tT":
                return
            time.sleep(0.01)
        raise ProofBroken("the process under test can't be stopped")

    def limits(self) -> dict[str, str]:
        """Return what the kernel says of the process: how large a core dump may be."""
        base = Path(f"/proc/{self.pid}")
        found: dict[str, str] = {}
        with contextlib.suppress(OSError):
            for line in (base / "limits").read_text("utf-8").splitlines():
                if line.startswith("Max core file size"):
                    found["core_limit"] = line.split()[4]
        return found

    def _gone(self) -> ProofBroken:
        code = self._process.poll()
        why = "doesn't answer" if code is None else f"ended with exit code {code}"
        return ProofBroken(f"the process under test {why}")


def _paths() -> list[str]:
    """Return where this program's packages lie, so that the child runs the same ones."""
    return [str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH", "")]
