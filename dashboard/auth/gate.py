"""The gate: an ASGI application in front of the pages, through which nobody passes unknown.

Rules:
- a request for a host that isn't ours is refused (DNS rebinding);
- without a session there are the sign-in page, its style, and a word that the server runs; any
  other path, method or web socket is refused before the page server hears of it;
- with another service for the sign-in, the two paths of its protocol are open;
- a request that may change something, and each web socket, must come from our own pages;
- when a session ends, its web sockets are closed and its pages' state is dropped.
"""

from __future__ import annotations

import asyncio
import functools
import html
import json
import weakref
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from streamlit.runtime import Runtime

from dashboard.auth import headers, oidc
from dashboard.auth.counter import Answer, Counter, text_answer
from dashboard.auth.desk import Desk
from dashboard.auth.headers import Pairs
from dashboard.auth.oidc import Service
from dashboard.auth.sessions import Session
from dashboard.pages import pages_for
from dashboard.places import is_central
from dashboard.text import LANGUAGES, Text, catalogue

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

SAFE = frozenset({"GET", "HEAD"})
WAIT_SECONDS = 20.0
REFUSED = 1008
"""Closing code of a web socket: policy violation."""
_BARE = ("/_stcore/", "/static/", "/media/", "/component/", "/vendor/")
"""Below these there is never a page."""


@dataclass(frozen=True, slots=True)
class Address:
    """Under which names this server is reached.

    Attributes:
        hosts: allowed in the `Host` header, lower-case, without ports.
        origins: of pages besides `Host`'s own, such as a proxy's.
        secure: browsers reach it by TLS.
    """

    hosts: frozenset[str]
    origins: frozenset[str] = frozenset()
    secure: bool = False


class Gate:
    """Lets requests with a session through to the pages, and nothing else."""

    def __init__(
        self,
        app: App,
        desk: Desk,
        address: Address,
        *,
        site: str = "",
        service: Service | None = None,
    ) -> None:
        """Stand in front of an application.

        Args:
            app: the pages.
            desk: decides who gets a session.
            address: of this server.
            site: the folder named to whoever makes the first account; "" to name none.
            service: by which people may sign in besides; None for none.
        """
        self._service = service
        self._app = app
        self._desk = desk
        self._address = address
        self._counter = Counter(
            desk, address.origins, secure=address.secure, site=site, service=service
        )
        self._seen: weakref.WeakSet[Session] = weakref.WeakSet()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        assert scope["type"] in {"http", "websocket"}
        sent: Pairs = scope["headers"]
        known = headers.host_name(headers.one(sent, "host")) in self._address.hosts
        token = headers.cookie(sent, self._desk.cookie)
        session = self._desk.table.find(token, self._desk.clock()) if known else None
        if scope["type"] == "websocket":
            fine = session is not None and headers.same_origin(sent, self._address.origins)
            if fine and session is not None:
                await self._connected(session, scope, receive, send)
            else:
                await receive()
                await send({"type": "websocket.close", "code": REFUSED})
            return
        if not known:
            await _give(text_answer(421, "unknown host"), send)
            return
        await self._request(session, scope, receive, send)

    async def _request(
        self, session: Session | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        sent: Pairs = scope["headers"]
        if scope["method"] not in SAFE and not headers.same_origin(sent, self._address.origins):
            await _give(text_answer(403, "not from this server's pages"), send)
            return
        if self._service is not None and scope["method"] == "GET" and scope["path"] in oidc.PATHS:
            await self._by_service(scope, receive, send)
            return
        answer = await self._own_answer(session, scope, receive)
        if answer is None and session is None:
            answer = self._counter.unknown(scope)
        if answer is not None:
            await _give(answer, send, head=scope["method"] == "HEAD")
        else:
            await self._pass(scope, receive, send)

    async def _by_service(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take somebody to the other service, or take them in when they come back from it."""
        if scope["path"] == oidc.START:
            await _give(text_answer(303, "", {"location": oidc.login_path()}), send)
        elif scope["path"] == oidc.LOGIN:
            await self._pass(scope, receive, send)
        else:
            theirs = await self._asked_back(scope, receive)
            await _give(await self._counter.vouched(scope, theirs), send)

    async def _asked_back(self, scope: Scope, receive: Receive) -> Pairs:
        """Have the page server finish its login, and return its answer's headers alone."""
        found: Pairs = []

        async def take(message: Message) -> None:
            if message["type"] == "http.response.start":
                found.extend(message["headers"])

        await self._app(scope, receive, take)
        return found

    async def _own_answer(
        self, session: Session | None, scope: Scope, receive: Receive
    ) -> Answer | None:
        """Answer what the gate itself serves, by exact path; None for all else."""
        method, path = scope["method"], scope["path"]
        if path == "/auth/wait" and method == "GET":
            return await self._wait(session, scope["headers"])
        if path == "/auth/active" and method == "POST":
            if session is None:
                return text_answer(401, "ended")
            session.active = self._desk.clock()
            return Answer(204)
        if path == "/signin" and method == "POST":
            return await self._counter.post(scope, receive, session)
        if session is not None and method == "GET" and path == _first(session):
            # The page server has no other address for a user's first page.
            return text_answer(303, "", {"location": "/"})
        return self._counter.get(scope, session) if method in SAFE else None

    async def _wait(self, session: Session | None, sent: Pairs) -> Answer:
        """Answer as soon as the session ends, or after a while that it hasn't."""
        if session is None:
            token = headers.cookie(sent, self._desk.cookie)
            ending = self._desk.table.why(token, self._desk.clock())
            return self._counter.gone(ending.value if ending else "ended")
        ended, forget = _ending(session)
        try:
            await asyncio.wait_for(ended.wait(), WAIT_SECONDS)
        except TimeoutError:
            return Answer(204)
        finally:
            forget()
        return self._counter.gone(session.ending.value if session.ending else "ended")

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request to the pages, and put our headers and our script into the response."""
        bare = scope["path"].startswith(_BARE)
        if not bare:  # a page is changed on its way, so it mustn't come compressed
            kept = [pair for pair in scope["headers"] if pair[0].lower() != b"accept-encoding"]
            scope = {**scope, "headers": kept}
        host = headers.one(scope["headers"], "host") or ""
        page: dict[str, Any] = {}
        body = bytearray()

        async def give(message: Message) -> None:
            if message["type"] == "http.response.start":
                kind = (headers.one(message["headers"], "content-type") or "").lower()
                if not bare and kind.startswith("text/html"):
                    page.update(message)
                    return
                message["headers"] = headers.with_headers(message["headers"], headers.ALWAYS)
            elif page:
                body.extend(message.get("body", b""))
                if not message.get("more_body"):
                    head = scope["method"] == "HEAD"
                    await _give(_page_answer(page, bytes(body), host), send, head=head)
                return
            await send(message)

        await self._app(scope, receive, give)

    async def _connected(
        self, session: Session, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Hand a web socket to the pages, until the session ends."""
        self._drop_state_at_the_end(session)
        ended, forget = _ending(session)
        over = asyncio.ensure_future(ended.wait())
        closed = False

        async def take() -> Message:
            nonlocal closed
            coming = asyncio.ensure_future(receive())
            try:
                await asyncio.wait({coming, over}, return_when=asyncio.FIRST_COMPLETED)
                if not ended.is_set():
                    return coming.result()
            finally:
                coming.cancel()
            if not closed:
                closed = True
                await send({"type": "websocket.close", "code": REFUSED})
            return {"type": "websocket.disconnect", "code": REFUSED}

        async def give(message: Message) -> None:
            if not closed and not (ended.is_set() and message["type"] == "websocket.send"):
                await send(message)

        try:
            await self._app({**scope, "headers": _own_state_only(scope, session)}, take, give)
        finally:
            over.cancel()
            forget()

    def _drop_state_at_the_end(self, session: Session) -> None:
        """Have the pages' state dropped when the session ends, of closed tabs as well."""
        if session in self._seen:
            return
        self._seen.add(session)
        loop = asyncio.get_running_loop()

        def tell() -> None:
            loop.call_soon_threadsafe(_drop_state, session.clients())

        session.watch(tell)


def _ending(session: Session) -> tuple[asyncio.Event, Callable[[], None]]:
    """Return an event that is set when a session ends, and what ends the waiting for it."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def tell() -> None:
        loop.call_soon_threadsafe(ended.set)

    session.watch(tell)
    return ended, lambda: session.unwatch(tell)


def _first(session: Session) -> str | None:
    mine = pages_for(session.user.role, central=is_central())
    return f"/{mine[0].url_path}" if mine else None


def _drop_state(clients: tuple[str, ...]) -> None:
    if Runtime.exists():
        for client in clients:
            Runtime.instance().close_session(client)


def _own_state_only(scope: Scope, session: Session) -> Pairs:
    """Return a web socket's headers without a state's id that isn't this session's.

    The pages' script sends as protocols: a name, a token, and the id of the state to take up again.
    """
    name = b"sec-websocket-protocol"
    sent: Pairs = scope["headers"]
    line = headers.one(sent, name.decode())
    parts = [part.strip() for part in line.split(",")] if line else []
    if len(parts) >= 3 and not session.owns(parts[2]):
        parts = parts[:2]
    kept = [pair for pair in sent if pair[0].lower() != name]
    return [*kept, (name, ", ".join(parts).encode("latin-1"))] if parts else kept


@functools.cache
def _script() -> bytes:
    """Return the tag of our script with its words in each language, and the end of the head."""
    served = [texts for key, texts in catalogue().items() if key.startswith("served.")]
    words = {
        code: {
            "skip": Text(code)("shell.skip"),
            "served": [(said["en"], said[code]) for said in served if code != "en"],
        }
        for code in LANGUAGES
    }
    said = html.escape(json.dumps(words), quote=True)
    return f'<script src="/auth/watch.js" data-words="{said}" defer></script></head>'.encode()


def _page_answer(start: dict[str, Any], body: bytes, host: str) -> Answer:
    """Return a page with our script, its policy, and nothing left to a cache."""
    changed = body.replace(b"</head>", _script(), 1)
    added = {
        **headers.ALWAYS,
        "content-security-policy": headers.page_policy(body, host),
        "cache-control": "no-store",
    }
    gone = {b"content-length", b"etag", b"last-modified", b"accept-ranges"}
    kept = [pair for pair in start["headers"] if pair[0].lower() not in gone]
    return Answer(start["status"], changed, headers.with_headers(kept, added))


async def _give(answer: Answer, send: Send, *, head: bool = False) -> None:
    always = {
        name: value
        for name, value in headers.ALWAYS.items()
        if headers.one(answer.headers, name) is None
    }
    sent = headers.with_headers(answer.headers, always)
    if answer.status != 204:
        sent = headers.with_headers(sent, {"content-length": str(len(answer.body))})
    await send({"type": "http.response.start", "status": answer.status, "headers": sent})
    await send({"type": "http.response.body", "body": b"" if head else answer.body})
