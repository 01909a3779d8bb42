"""What is served before anybody is known: the sign-in page, its style, the demo's link."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode

from agent.domain.access import Role
from dashboard.auth import forms, headers, oidc
from dashboard.auth.desk import Desk, Outcome, Refusal
from dashboard.auth.forms import Form
from dashboard.auth.headers import Pairs
from dashboard.auth.oidc import Service
from dashboard.auth.sessions import Ending, Session
from dashboard.text import LANGUAGES, Text, preferred

LARGEST_FORM = 16_384
SIDE_BY_SIDE = 2
"""Passwords that are hashed at once: each takes 64 MiB."""
ENDINGS = {Ending.IDLE.value: "idle", Ending.EXPIRED.value: "expired",
           Ending.SIGNED_OUT.value: "signed_out"}  # fmt: skip
STATUS = {Refusal.WRONG: 403, Refusal.WAIT: 429, Refusal.BROKEN: 503, Refusal.NO_ACCOUNTS: 503}
_SEED = re.compile(r"[\w-]{43}", re.ASCII)
_OPEN_FILES = {
    "/auth/sign_in.css": (forms.STYLE, "text/css; charset=utf-8"),
    "/auth/watch.js": (forms.WATCH, "text/javascript; charset=utf-8"),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response.

    Attributes:
        status: of HTTP.
        body: bytes.
        headers: lower-case names.
    """

    status: int
    body: bytes = b""
    headers: Pairs = field(default_factory=list)


def text_answer(status: int, text: str, more: dict[str, str] | None = None) -> Answer:
    """Return a short answer in plain text, for programs."""
    said = {"content-type": "text/plain; charset=utf-8", "cache-control": "no-store"}
    return Answer(status, text.encode(), headers.with_headers([], said | (more or {})))


class Counter:
    """Answers by exact path; what it doesn't know is somebody else's."""

    def __init__(
        self,
        desk: Desk,
        origins: frozenset[str],
        *,
        secure: bool,
        site: str,
        service: Service | None = None,
    ) -> None:
        """Open the counter. Arguments as the gate's."""
        self._service = service
        self._desk = desk
        self._origins = origins
        self._secure = secure
        self._site = site
        self._secret = secrets.token_bytes(32)
        self._form_cookie = f"{desk.cookie}_form"
        self._places = asyncio.Semaphore(SIDE_BY_SIDE)
        self._files = {
            path: (file.read_bytes(), kind) for path, (file, kind) in _OPEN_FILES.items()
        }

    def get(self, scope: MutableMapping[str, Any], session: Session | None) -> Answer | None:
        """Answer a GET; None for a path that isn't the counter's."""
        path = scope["path"]
        if path in self._files:
            body, kind = self._files[path]
            said = {"content-type": kind, "cache-control": "no-cache"}
            return Answer(200, body, headers.with_headers([], said))
        if path == "/auth/health":
            return text_answer(200, "ok")
        if path == "/enter" and self._desk.is_demo:
            return self._enter(scope, session)
        if path != "/signin":
            return None
        following = headers.following(_query(scope).get("next"))
        if session is not None:
            return self._away(following, scope)
        return self._form(scope, 200, said=self._why(scope))

    async def post(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        session: Session | None,
    ) -> Answer:
        """Answer a form that was sent: a session, or the form again with the reason."""
        fields = await _form_fields(receive)
        seed = headers.cookie(scope["headers"], self._form_cookie)
        words = Text(_language(scope))
        if (
            fields is None
            or not seed
            or not hmac.compare_digest(self._proof(seed).encode(), fields.get("proof", "").encode())
        ):
            return self._form(scope, 403, said=words("signin.stale"), bad=True)
        name = fields.get("name", "").strip().lower()
        address = str((scope.get("client") or ("", 0))[0])
        async with self._places:
            outcome = await asyncio.to_thread(
                self._desk.sign_in, name, fields.get("password", ""), address
            )
        if outcome.token is None:
            return self._refused(scope, outcome, name)
        if session is not None:
            await asyncio.to_thread(self._desk.end, session, Ending.REPLACED)
        return self._away(headers.following(_query(scope).get("next")), scope, outcome.token)

    def unknown(self, scope: MutableMapping[str, Any]) -> Answer:
        """Answer whoever has no session: a person goes to the sign-in page, a program gets 401."""
        wanted = headers.one(scope["headers"], "accept") or ""
        path = scope["path"]
        page = path == "/" or headers.following(path) != "/"
        if scope["method"] == "GET" and page and "text/html" in wanted:
            asked = _query(scope)
            pairs = {"lang": asked["lang"]} if asked.get("lang") in LANGUAGES else {}
            if path != "/":
                pairs["next"] = path
            more = {"location": "/signin" + (f"?{urlencode(pairs)}" if pairs else "")}
            return text_answer(303, "", more)
        return text_answer(401, "not signed in")

    def gone(self, why: str) -> Answer:
        """Tell a page that its session is over, and why.

        The cookie stays: it is worth nothing, and the browser may have a new one by now.
        """
        return text_answer(401, why)

    def _enter(self, scope: MutableMapping[str, Any], session: Session | None) -> Answer:
        asked = _query(scope)
        try:
            role = Role(asked.get("role", Role.ADMIN.value))
        except ValueError:
            role = Role.VISITOR
        outcome = self._desk.enter_demo(asked.get("key", ""), role, session)
        if outcome.token is None:
            return self._form(scope, STATUS[outcome.refusal or Refusal.WRONG])
        if session is not None:
            self._desk.end(session, Ending.REPLACED)
        return self._inside(scope, outcome.token)

    async def vouched(self, scope: MutableMapping[str, Any], theirs: Pairs) -> Answer:
        """Answer somebody who comes back from the other service: a session, or why not.

        Args:
            scope: of their request.
            theirs: headers of the page server's answer to it.
        """
        service = self._service
        assert service is not None
        kept = oidc.without_theirs(theirs)
        name = service.account_of(oidc.identity(theirs))
        outcome = await asyncio.to_thread(self._desk.sign_in_known, name)
        if outcome.token is None:
            words, refusal = Text(_language(scope)), outcome.refusal or Refusal.WRONG
            unknown = refusal is Refusal.WRONG
            said = words("signin.unvouched" if unknown else f"signin.{refusal.value}",
                         **({"service": service.label} if unknown else {}))  # fmt: skip
            answer = self._form(scope, STATUS[refusal], said=said, bad=True)
        else:
            answer = self._inside(scope, outcome.token)
        return Answer(answer.status, answer.body, [*answer.headers, *kept])

    def _inside(self, scope: MutableMapping[str, Any], token: str) -> Answer:
        """Return a page that leads on with a new session.

        A page and not a redirection: whoever comes from a foreign page would arrive without the
        cookie, which is for requests from here only.
        """
        said = {
            **headers.FORM,
            "content-type": "text/html; charset=utf-8",
            "set-cookie": self._cookie(self._desk.cookie, token),
        }
        text = forms.onwards(_language(scope))
        return Answer(200, text.encode(), headers.with_headers([], said))

    def _refused(self, scope: MutableMapping[str, Any], outcome: Outcome, name: str) -> Answer:
        words = Text(_language(scope))
        refusal = outcome.refusal or Refusal.WRONG
        if refusal is Refusal.NO_ACCOUNTS:
            return self._form(scope, STATUS[refusal])
        wait = max(1, round(outcome.wait + 0.5))
        said = words(f"signin.{refusal.value}", **(
            {"time": words.duration(wait)} if refusal is Refusal.WAIT else {}
        ))  # fmt: skip
        more = {"retry-after": str(wait)} if refusal is Refusal.WAIT else {}
        return self._form(scope, STATUS[refusal], said=said, bad=True, name=name, more=more)

    def _why(self, scope: MutableMapping[str, Any]) -> str:
        """Return the sentence about the session that ended, if one did."""
        why = _query(scope).get("why")
        if why is None:
            return ""
        words = Text(_language(scope))
        idle = words.duration(self._desk.table.limits.idle)
        return words(f"signin.{ENDINGS.get(why, 'ended')}", time=idle)

    def _form(
        self,
        scope: MutableMapping[str, Any],
        status: int,
        *,
        said: str = "",
        bad: bool = False,
        name: str = "",
        more: dict[str, str] | None = None,
    ) -> Answer:
        seed = headers.cookie(scope["headers"], self._form_cookie) or ""
        if not _SEED.fullmatch(seed):
            seed = secrets.token_urlsafe(32)
        form = Form(
            language=_language(scope),
            proof=self._proof(seed),
            next=headers.following(_query(scope).get("next")),
            said=said,
            bad=bad,
            name=name if len(name) <= 64 else "",
            service=self._service.label if self._service else "",
        )
        if self._desk.is_demo:
            text = forms.demo(form)
        elif not self._desk.has_accounts():
            text = forms.no_accounts(form, self._site)
        else:
            text = forms.sign_in(form)
        added = {
            **headers.FORM,
            "content-type": "text/html; charset=utf-8",
            "set-cookie": self._cookie(self._form_cookie, seed),
        }
        return Answer(status, text.encode(), headers.with_headers([], added | (more or {})))

    def _away(self, path: str, scope: MutableMapping[str, Any], token: str | None = None) -> Answer:
        language = _query(scope).get("lang")
        place = f"{path}?lang={language}" if language in LANGUAGES else path
        more = {"location": place}
        if token is not None:
            more["set-cookie"] = self._cookie(self._desk.cookie, token)
        return text_answer(303, "", more)

    def _cookie(self, name: str, value: str) -> str:
        return headers.set_cookie(name, value, secure=self._secure)

    def _proof(self, seed: str) -> str:
        return hmac.new(self._secret, seed.encode("latin-1"), hashlib.sha256).hexdigest()


def _query(scope: MutableMapping[str, Any]) -> dict[str, str]:
    raw = scope.get("query_string", b"").decode("latin-1")
    try:
        return {key: found[-1] for key, found in parse_qs(raw, max_num_fields=20).items()}
    except ValueError:
        return {}


def _language(scope: MutableMapping[str, Any]) -> str:
    named = _query(scope).get("lang", "")
    if named in LANGUAGES:
        return named
    return preferred(headers.one(scope["headers"], "accept-language"))


async def _form_fields(
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
) -> dict[str, str] | None:
    """Return a form's fields; None if it is too large, cut short, or not a form."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body.extend(message.get("body", b""))
        if len(body) > LARGEST_FORM:
            return None
        if not message.get("more_body"):
            break
    try:
        found = parse_qs(bytes(body).decode(), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        return None
    return {key: texts[0] for key, texts in found.items() if len(texts) == 1}
