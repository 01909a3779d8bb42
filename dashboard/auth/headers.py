"""What the gate reads from a request's headers and what it adds to a response's. Pure."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

Pairs = list[tuple[bytes, bytes]]

ALWAYS: Mapping[str, str] = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), display-capture=()",
}
"""On every response; the pages can't even ask the browser for its camera."""

# With `no-referrer` a browser sends a form's `Origin` as null; this one tells nobody else either.
FORM: Mapping[str, str] = {
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
}
"""On the sign-in page."""

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?")
_INLINE = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
_NEXT = re.compile(r"/[a-z][a-z-]{0,40}")


def values(headers: Iterable[tuple[bytes, bytes]], name: str) -> list[str]:
    """Return all values of one header."""
    key = name.encode()
    return [value.decode("latin-1") for found, value in headers if found.lower() == key]


def one(headers: Iterable[tuple[bytes, bytes]], name: str) -> str | None:
    """Return a header's value if it is there exactly once."""
    found = values(headers, name)
    return found[0] if len(found) == 1 else None


def host_name(host: str | None) -> str | None:
    """Return the name in a `Host` header, lower-case, without the port; None if it is no host."""
    match = _HOST.fullmatch(host) if host else None
    return match[1].lower().rstrip(".").strip("[]") if match else None


def same_origin(headers: Pairs, origins: frozenset[str]) -> bool:
    """Say whether a request comes from a page of this server.

    Args:
        headers: of the request, whose `Host` was found to be ours.
        origins: under which this server is known besides, for example behind a proxy.
    """
    origin, host = one(headers, "origin"), one(headers, "host")
    if not origin or not host or origin == "null":
        return False
    if origin.lower() in origins:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and parts.netloc.lower() == host.lower()


def cookie(headers: Pairs, name: str) -> str | None:
    """Return a cookie; None if it is missing, twice there, or unreadable."""
    found: list[str] = []
    for line in values(headers, "cookie"):
        for part in line.split(";"):
            key, separator, value = part.strip().partition("=")
            if separator and key == name:
                found.append(value)
    return found[0] if len(found) == 1 else None


def set_cookie(name: str, value: str, *, secure: bool) -> str:
    """Return a `Set-Cookie` value: of this browser session, unreadable for scripts, same site only.

    An empty value removes the cookie.
    """
    jar: SimpleCookie = SimpleCookie()
    try:
        jar[name] = value
    except CookieError as error:
        raise AssertionError("our own cookie's name") from error
    jar[name]["path"] = "/"
    jar[name]["httponly"] = True
    jar[name]["samesite"] = "Strict"
    if secure:
        jar[name]["secure"] = True
    if not value:
        jar[name]["max-age"] = 0
    return jar[name].OutputString()


def following(text: str | None) -> str:
    """Return where to go after a sign-in: a page's path of this server, or the first page."""
    return text if text and _NEXT.fullmatch(text) else "/"


def page_policy(body: bytes, host: str) -> str:
    """Return the content security policy of a page, which allows its own inline scripts by hash.

    Args:
        body: the HTML.
        host: as in the request's `Host` header, for browsers in which 'self' isn't a web socket's.
    """
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'"
        for script in _INLINE.findall(body)
    )
    # blob: parts of a page that bring their own script; 'unsafe-inline' styles: the page server's
    # own way of styling. Neither runs a foreign text, since none is ever drawn as HTML.
    return "; ".join((
        "default-src 'self'",
        f"script-src 'self' {hashes} 'wasm-unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "media-src 'self' data: blob:",
        f"connect-src 'self' ws://{host} wss://{host} data: blob:",
        "worker-src 'self' blob:",
        "frame-src 'self' data: blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ))  # fmt: skip


def with_headers(headers: Iterable[tuple[bytes, bytes]], added: Mapping[str, str]) -> Pairs:
    """Return a response's headers with some set, whatever they were before."""
    names = {name.encode() for name in added}
    kept = [(name, value) for name, value in headers if name.lower() not in names]
    return kept + [(name.encode(), value.encode("latin-1")) for name, value in added.items()]
