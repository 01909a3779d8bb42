"""A private PostgreSQL for a test: its own cluster in a temporary folder, gone afterwards.

The installed service isn't needed and isn't touched. Skips where the programs are missing.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

OWNER, PASSWORD = "owner", "chalk river lamp"
LONGEST_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """A running cluster.

    Attributes:
        port: TCP port on the loopback address.
        folder: of the cluster.
    """

    port: int
    folder: Path
    bin: Path

    def url(self, role: str = OWNER, password: str = PASSWORD, database: str = "omokage") -> str:
        """Return an address."""
        quoted = password.replace(" ", "%20")
        return f"postgresql://{role}:{quoted}@127.0.0.1:{self.port}/{database}"

    def psql(self, statement: str, database: str = "omokage") -> str:
        """Run a statement as the owner; return what it prints."""
        return run(
            [str(self.bin / "psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", OWNER,
             "-v", "ON_ERROR_STOP=1", "-Atc", statement, database],
            env={"PGPASSWORD": PASSWORD, "LC_ALL": "C"},
        )  # fmt: skip

    def control(self, *what: str) -> None:
        """Call `pg_ctl` on this cluster."""
        run(["pg_ctl", "-D", str(self.folder / "data"), "-w", "-s", *what], self.bin)

    def start(self) -> None:
        """Start the server."""
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c shared_buffers=16MB "
            f"-c unix_socket_directories={self.folder} -c fsync=off"
        )
        self.control("-l", str(self.folder / "log"), "-o", options, "start")

    def use_tls(self, certificate: bytes = b"", key: bytes = b"") -> None:
        """Offer TLS with this certificate; none takes it away again."""
        for name, content in (("server.crt", certificate), ("server.key", key)):
            path = self.folder / "data" / name
            path.write_bytes(content)
            path.chmod(0o600)
            own(path)
        self.psql(f"ALTER SYSTEM SET ssl = {'on' if certificate else 'off'}")
        self.control("-m", "fast", "stop")
        self.start()


def own(path: Path) -> None:
    """Give a file to who runs the server."""
    if os.geteuid() == 0:
        shutil.chown(path, "postgres", "postgres")


def run(command: list[str], folder: Path | None = None, **more) -> str:
    """Run a program of PostgreSQL, which refuses root, as its own user."""
    if folder is not None:
        command = [str(folder / command[0]), *command[1:]]
    if os.geteuid() == 0:
        command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=LONGEST_SECONDS, check=False, cwd="/", **more,
    )  # fmt: skip
    assert done.returncode == 0, f"{command[-1]}: {done.stdout}"
    return done.stdout.strip()


def programs() -> Path:
    """Return the folder of the server's programs, or skip."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    place = found[-1].parent if found else None
    if place is None and (initdb := shutil.which("initdb")):
        place = Path(initdb).resolve().parent
    if place is None:
        pytest.skip("PostgreSQL's server isn't installed (Debian: postgresql)")
    if os.geteuid() == 0:
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("as root a server needs the user postgres, and there is none")
    pytest.importorskip("psycopg", reason="psycopg isn't installed (the extra [sites])")
    return place


@contextmanager
def cluster() -> Iterator[Server]:
    """Run a server with a database `omokage`; passwords are asked for."""
    place = programs()
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    # Not in pytest's folder, which only its own user may enter.
    folder = Path(tempfile.mkdtemp(prefix="omokage-postgres-"))
    secret = folder / "password"
    secret.write_text(PASSWORD)
    own(folder)
    own(secret)
    server = Server(port, folder, place)
    try:
        run(["initdb", "-D", str(folder / "data"), "-U", OWNER, "-A", "scram-sha-256",
             f"--pwfile={secret}", "-N", "--locale=C", "-E", "UTF8"], place)  # fmt: skip
        server.start()
        server.psql("CREATE DATABASE omokage", "postgres")
        yield server
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            server.control("-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)
