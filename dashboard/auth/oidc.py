"""Sign-in by another service (OpenID Connect), through the page server's own login.

Rules:
- the page server does the protocol: state, nonce, PKCE, the token's signature. Its own cookie,
  which would live for 30 days, never reaches a browser; what it says becomes a session of ours;
- the service says who somebody is, this site says what they may do: an identity that `oidc.toml`
  doesn't name, or whose account is missing or disabled, is refused;
- only three exact paths are let through, and only where the site has an `oidc.toml`.
"""

from __future__ import annotations

import importlib.util
import json
import secrets
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from streamlit.auth_util import encode_provider_token, get_cookie_with_chunks
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value

from agent.errors import ConfigError

if TYPE_CHECKING:
    from dashboard.auth.headers import Pairs

FILE_NAME = "oidc.toml"
START, LOGIN, CALLBACK = "/signin/oidc", "/auth/login", "/oauth2callback"
PATHS = frozenset({START, LOGIN, CALLBACK})
NEEDED = ("redirect_uri", "client_id", "client_secret", "server_metadata_url")
LONGEST_LABEL = 40
_THEIRS = ("_streamlit_user", "_streamlit_user_tokens")
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
_DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Service:
    """Who may vouch for people here.

    Attributes:
        file: `oidc.toml`, which the page server reads itself.
        label: what the sign-in page calls the service.
        claim: of the identity, by which people are told apart.
        accounts: account's name by the claim's value.
    """

    file: Path
    label: str
    claim: str
    accounts: Mapping[str, str]

    def account_of(self, identity: Mapping[str, Any] | None) -> str | None:
        """Return the name of the account that belongs to an identity; None for nobody."""
        if identity is None:
            return None
        said = identity.get(self.claim)
        # An address that nobody has verified can be anybody's.
        if self.claim == "email" and identity.get("email_verified") is not True:
            return None
        return self.accounts.get(said) if isinstance(said, str) else None


def load(root: Path) -> Service | None:
    """Return the service that a site trusts; None where it trusts none.

    Raises:
        ConfigError: the file can't be read or is incomplete, others may read its secret, or the
            package that speaks the protocol is missing.
    """
    path = root / FILE_NAME
    try:
        mode, content = path.stat().st_mode, path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"can't read {FILE_NAME}: {error.strerror}") from error
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        raise ConfigError(
            f"everybody on this machine can read the secret in {FILE_NAME}",
            advice=f"Run `chmod o= {FILE_NAME}` and have the service give out a new secret.",
        )
    if importlib.util.find_spec("authlib") is None or importlib.util.find_spec("httpx") is None:
        raise ConfigError(
            "what speaks OpenID Connect isn't installed",
            advice="Run `pip install 'omokage[oidc]'`.",
        )
    return parse(content, path)


def parse(content: bytes, path: Path) -> Service:
    """Return what a file says. Raises as `load`."""
    try:
        table = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:  # TOML, UTF-8, long numbers, nesting
        raise _wrong(f"isn't TOML: {error}") from error
    auth, own, accounts = (table.pop(name, {}) for name in ("auth", "omokage", "accounts"))
    if table or not all(isinstance(part, dict) for part in (auth, own, accounts)):
        raise _wrong("may hold the tables auth, omokage and accounts, and nothing else")
    for name in NEEDED:
        if not isinstance(auth.get(name), str) or not auth[name]:
            raise _wrong(f"needs {name} in [auth]")
    _check_addresses(auth["redirect_uri"], auth["server_metadata_url"])
    label, claim = own.pop("label", "OpenID Connect"), own.pop("claim", "email")
    if own or not _is_text(label, LONGEST_LABEL) or not _is_text(claim, LONGEST_LABEL):
        raise _wrong("may have a label and a claim in [omokage], each a short text")
    if not accounts or not all(_is_text(name, 64) for name in accounts.values()):
        raise _wrong("needs the names of accounts in [accounts], by the claim's value")
    return Service(path, label, claim, accounts)


def _is_text(value: object, most: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= most


def _check_addresses(redirect: str, source: str) -> None:
    try:
        back, metadata = (urlsplit(text) for text in (redirect.replace("{port}", "1"), source))
    except ValueError as error:
        raise _wrong(f"needs addresses; one of them isn't: {error}") from error
    if back.path != CALLBACK:
        raise _wrong(f"needs a redirect_uri that ends in {CALLBACK}")
    for parts in (back, metadata):
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
            raise _wrong("needs addresses that begin with https://")


def _wrong(what: str) -> ConfigError:
    return ConfigError(f"{FILE_NAME} {what}", advice="See docs/cli/users.md, “Another service”.")


def settings(service: Service) -> dict[str, Any]:
    """Return the page server's settings; what it signs is good until the server is started anew."""
    return {"secrets.files": [str(service.file)], "server.cookieSecret": secrets.token_urlsafe(32)}


def login_path() -> str:
    """Return where the page server begins its login."""
    return f"{LOGIN}?{urlencode({'provider': encode_provider_token(_DEFAULT)})}"


def identity(sent: Pairs) -> dict[str, Any] | None:
    """Return whom the page server's answer speaks of; None where it speaks of nobody.

    Args:
        sent: the answer's headers, with its signed cookies.
    """
    jar = _cookies(sent)

    def signed(name: str) -> bytes | None:
        value = jar.get(name)
        return decode_signed_value(get_cookie_secret(), name, value.encode()) if value else None

    found = get_cookie_with_chunks(signed, _THEIRS[0])
    said = json.loads(found) if found else None
    return said if isinstance(said, dict) and said.get("is_logged_in") is True else None


def _cookies(sent: Pairs) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in sent:
        if name.lower() == b"set-cookie":
            jar: SimpleCookie = SimpleCookie()
            try:
                jar.load(value.decode("latin-1"))
            except CookieError:
                continue
            found |= {key: morsel.value for key, morsel in jar.items()}
    return found


def without_theirs(sent: Pairs) -> Pairs:
    """Return the cookies of an answer that may go on to the browser: those of the protocol."""
    return [
        (name, value)
        for name, value in sent
        if name.lower() == b"set-cookie"
        and not value.startswith(tuple(t.encode() for t in _THEIRS))
    ]
