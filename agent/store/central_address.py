"""Where the central database is, and as whom: one TOML file, which may hold a password.

    site = "kyoto"
    url = "postgresql://kyoto:PASSWORD@db.example/omokage?sslrootcert=/etc/ssl/certs/ca.pem"

Rules:
- to another machine nothing but TLS with the server's name checked (`sslmode=verify-full`) is used,
  and the file says who signed the server's certificate; loopback addresses and sockets are free;
- only the settings in `ALLOWED` are taken: others could lead the connection elsewhere;
- neither address nor password is in any message: what is refused is named by its part;
- `sqlite:///FILE` is for trials: no roles and no password; who can write the file is the centre.
"""

from __future__ import annotations

import ipaddress
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from agent.errors import NOT_AS_WRITTEN, ConfigError

FILE_NAME = "central.toml"
CREDENTIAL = "omokage-central.toml"
"""Name under which systemd hands the file to the sync's unit."""
VARIABLE = "OMOKAGE_CENTRAL"
ALLOWED = frozenset({"sslmode", "sslrootcert", "sslcert", "sslkey", "passfile", "host"})
SITE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
LONGEST_FILE = 16_384
VERIFIED = "verify-full"
_TLS_ADVICE = (
    "Leave sslmode out or write sslmode=verify-full, and sslrootcert=FILE with the certificate of "
    "who signed the server's, for example /etc/ssl/certs/ca-certificates.crt."
)


@dataclass(frozen=True, slots=True)
class CentralAddress:
    """A checked address.

    Attributes:
        url: with the password in it; never shown.
        site: this site's name at the centre; None in the file of an office, which has none.
    """

    url: URL = field(repr=False)
    site: str | None

    @property
    def trial(self) -> bool:
        """Whether it is a file instead of a server."""
        return self.url.get_backend_name() == "sqlite"


def find(named: Path | None, root: Path, environ: Mapping[str, str]) -> Path:
    """Return which file says where the centre is.

    Args:
        named: on the command line, which counts first.
        root: of the site.
        environ: of the process: `OMOKAGE_CENTRAL`, then systemd's credential; else the site's own.
    """
    if named is not None:
        return named
    if environ.get(VARIABLE):
        return Path(environ[VARIABLE])
    folder = environ.get("CREDENTIALS_DIRECTORY")
    handed = Path(folder) / CREDENTIAL if folder else None
    return handed if handed is not None and handed.exists() else root / FILE_NAME


def load_address(path: Path) -> CentralAddress:
    """Read and check a file.

    Raises:
        ConfigError: it is missing, others can read it, or its content isn't allowed.
    """
    try:
        mode = path.stat().st_mode
        with path.open("rb") as file:
            content = file.read(LONGEST_FILE + 1)
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path.name} isn't there, so there is no centre to send to",
            advice="Write it as docs/sites.md says, or name it with --central.",
        ) from error
    except OSError as error:
        raise ConfigError(f"can't read {path.name}: {error.strerror}") from error
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        raise ConfigError(
            f"everybody on this machine can read the password in {path.name}",
            advice=f"Run `chmod o= {path.name}`, and give the role a new password.",
        )
    return parse(content)


def parse(content: bytes) -> CentralAddress:
    """Return what a file says. Raises as `load_address`."""
    try:
        if len(content) > LONGEST_FILE:
            raise ValueError("too long")
        table = tomllib.loads(content.decode())
    except NOT_AS_WRITTEN as error:
        # Not the parser's own words: they may quote the password.
        raise ConfigError("the file with the centre's address isn't TOML") from error
    url, site = table.pop("url", None), table.pop("site", None)
    if table or not isinstance(url, str):
        raise ConfigError("the file with the centre's address holds `url`, `site` and nothing else")
    if site is not None and not (isinstance(site, str) and SITE_NAME.fullmatch(site)):
        raise ConfigError("a site's name at the centre is at most 32 of a-z, 0-9, '.', '_' and '-'")
    return CentralAddress(check_url(url), site)


def check_url(text: str) -> URL:
    """Return an address that may be used, with all that makes it safe written out.

    Raises:
        ConfigError: it isn't one, or would send numbers unprotected.
    """
    try:
        url = make_url(text)
        _ = url.port
    except (ArgumentError, ValueError) as error:
        raise ConfigError("the centre's address isn't a URL") from error
    if url.drivername == "sqlite":
        if not url.database or url.database == ":memory:" or url.query or url.host:
            raise ConfigError("a trial's centre is a file: sqlite:////srv/omokage/central.sqlite")
        return url
    if url.drivername not in {"postgresql", "postgresql+psycopg"}:
        raise ConfigError("the centre is PostgreSQL: its address begins with postgresql://")
    if unknown := sorted(set(url.query) - ALLOWED):
        raise ConfigError(f"{unknown[0]} can't be set in the centre's address")
    if not url.database or not url.username:
        raise ConfigError("the centre's address names no database or no role")
    url = url.set(drivername="postgresql+psycopg")
    return url if _is_near(url) else _verified(url)


def _is_near(url: URL) -> bool:
    """Say whether nothing leaves this machine: a socket, or the loopback address.

    Raises:
        ConfigError: no host is named, or two.
    """
    socket = url.query.get("host")
    if socket is not None:
        if url.host or not isinstance(socket, str) or not socket.startswith("/"):
            raise ConfigError("host= in the centre's address names the folder of a socket, alone")
        return True
    host = url.host or ""
    if not host or "," in host or "/" in host:
        raise ConfigError("the centre's address names no host, or more than one")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _verified(url: URL) -> URL:
    mode = url.query.get("sslmode", VERIFIED)
    if mode != VERIFIED:
        raise ConfigError(
            "the centre is another machine, and its address doesn't ask for a checked certificate",
            advice=_TLS_ADVICE,
        )
    if not isinstance(url.query.get("sslrootcert"), str):
        raise ConfigError(
            "the centre's address doesn't say who signed the server's certificate",
            advice=_TLS_ADVICE,
        )
    # Kerberos' own encryption would stand in for TLS where both sides know it.
    return url.update_query_dict({"sslmode": VERIFIED, "gssencmode": "disable"})
