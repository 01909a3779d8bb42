"""The gate: who is let through to the pages, and who isn't, whatever they ask for."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from agent.domain.access import Action, Decision, Role
from agent.domain.account import Account, User
from agent.errors import StoreError
from agent.store.accounts import AccountBook
from agent.store.passwords import CHEAPEST, hash_password
from dashboard.auth import headers
from dashboard.auth.desk import Demo, Desk
from dashboard.auth.gate import Address, Gate
from dashboard.auth.sessions import Ending, Session
from dashboard.text import Text
from tests import signed_in

if TYPE_CHECKING:
    from pathlib import Path

HOST = "127.0.0.1:8501"
HERE = f"http://{HOST}"
PASSWORD = "river stone lantern"
INDEX = b"<html><head><script>\n  inline()\n</script></head><body>pages</body></html>"


class Pages:
    """Stands for the pages behind the gate: notes what reaches it, and answers."""

    def __init__(self) -> None:
        self.reached: list[dict[str, Any]] = []
        self.told: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer like the page server: a page, a file, or a web socket that listens."""
        self.reached.append(dict(scope))
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "bytes": b"numbers"})
            while True:
                message = await receive()
                self.told.append(message["type"])
                if message["type"] == "websocket.disconnect":
                    return
                await send({"type": "websocket.send", "bytes": b"more"})
        page = scope["path"] in {"/", "/live"}
        kind = b"text/html; charset=utf-8" if page else b"application/octet-stream"
        start = [(b"content-type", kind), (b"content-length", str(len(INDEX)).encode()),
                 (b"referrer-policy", b"unsafe-url"), (b"etag", b'"1"')]  # fmt: skip
        await send({"type": "http.response.start", "status": 200, "headers": start})
        await send({"type": "http.response.body", "body": INDEX[:10], "more_body": True})
        await send({"type": "http.response.body", "body": INDEX[10:]})


class Answer:
    """What came back: status, headers, body."""

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        self.status = messages[0]["status"]
        self.pairs = messages[0]["headers"]
        self.body = b"".join(m.get("body", b"") for m in messages[1:])

    def header(self, name: str) -> str | None:
        """Return a header that is there once."""
        return headers.one(self.pairs, name)

    def cookies(self) -> dict[str, str]:
        """Return the cookies that were set, attributes left out."""
        pairs = (v.split(";")[0].split("=", 1) for v in headers.values(self.pairs, "set-cookie"))
        return dict(pairs)  # type: ignore[arg-type]  # each has two parts


class Door:
    """A gate with its pages, its desk and a site with two accounts."""

    def __init__(self, root: Path, *, secure: bool = False, demo: bool = False) -> None:
        self.recorder = signed_in.ListRecorder()
        self.clock = signed_in.HandClock()
        self.desk = signed_in.make_desk(root, clock=self.clock, recorder=self.recorder)
        if demo:
            self.desk._demo = Demo("the-key", lambda: not self.book.exists())
        self.pages = Pages()
        origins = frozenset({"https://shop.example"}) if secure else frozenset()
        hosts = frozenset({"127.0.0.1", "localhost", "::1", "shop.example"})
        self.gate = Gate(self.pages, self.desk, Address(hosts, origins, secure), site="/site")
        self.book = AccountBook(root / "state" / "accounts.json")

    def add(self, name: str, role: Role) -> None:
        """Add an account."""
        now = self.desk._now()
        hashed = hash_password(PASSWORD, CHEAPEST)
        self.book.add(Account(User(name, role), hashed, now, now))

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        cookies: dict[str, str] | None = None,
        **sent: str,
    ) -> Answer:
        """Send one request and return the answer."""
        return asyncio.run(self._ask(method, path, body, cookies or {}, sent))

    async def _ask(
        self, method: str, path: str, body: bytes, cookies: dict[str, str], sent: dict[str, str]
    ) -> Answer:
        scope = _scope("http", path, cookies, sent) | {"method": method}
        messages: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: Any) -> None:
            messages.append(message)

        await self.gate(scope, receive, send)
        return Answer(messages)

    def enter(self, name: str = "hana", role: Role = Role.MANAGER) -> dict[str, str]:
        """Return the cookie of a new session."""
        token = self.desk.table.open(User(name, role), "", self.desk.clock())
        return {self.desk.cookie: token}

    def form(self) -> tuple[str, dict[str, str]]:
        """Fetch the form; return its proof and its cookie."""
        answer = self.ask("GET", "/signin")
        found = re.search(rb'name="proof" value="([0-9a-f]+)"', answer.body)
        assert found
        return found[1].decode(), answer.cookies()

    def sign_in(self, name: str, password: str = PASSWORD, **sent: str) -> Answer:
        """Fetch the form and send it."""
        proof, cookies = self.form()
        fields = {"proof": proof, "name": name, "password": password}
        sent = {"origin": HERE} | sent
        path = sent.pop("path", "/signin")
        return self.ask("POST", path, body=urlencode(fields).encode(), cookies=cookies, **sent)


def _scope(kind: str, path: str, cookies: dict[str, str], sent: dict[str, str]) -> dict[str, Any]:
    path, _, query = path.partition("?")
    named = {"host": HOST, "accept": "text/html"} | {
        k.replace("_", "-"): v for k, v in sent.items()
    }
    if cookies:
        named["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in named.items() if value]
    return {
        "type": kind,
        "path": path,
        "query_string": query.encode(),
        "headers": pairs,
        "client": ("127.0.0.1", 50_000),
    }


@pytest.fixture
def door(tmp_path: Path) -> Door:
    """Return a gate whose site has a manager and a reviewer."""
    made = Door(tmp_path)
    made.add("hana", Role.MANAGER)
    made.add("ren", Role.REVIEWER)
    return made


PATHS = [
    "/", "/overview", "/review", "/_stcore/health", "/_stcore/host-config", "/_stcore/stream",
    "/_stcore/metrics", "/_stcore/upload_file/a/b", "/_stcore/agent/openapi.json",
    "/_stcore/bidi-components/x", "/static/js/index.js", "/media/numbers.csv", "/component/a/b.js",
    "/favicon.png", "/manifest.json", "/app/static/x", "/auth/", "/auth/watch.js/", "/auth/../",
    "/signin/", "//signin", "/SIGNIN", "/signin/../overview", "/signin;/overview", "/enter",
    "/auth/wait", "/auth/active", "/\x00", "/é",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_without_a_session_nothing_reaches_the_pages(door: Door, method: str, path: str) -> None:
    """Whatever path and method: 401, or the way to the form; the pages hear nothing."""
    answer = door.ask(method, path, origin=HERE)

    assert answer.status in {303, 401}
    assert answer.status == 401 or (answer.header("location") or "").startswith("/signin")
    assert door.pages.reached == []
    assert b"pages" not in answer.body


@pytest.mark.parametrize(
    "cookies",
    [
        {},
        {signed_in.COOKIE: ""},
        {signed_in.COOKIE: "A" * 43},
        {"omokage_session_8501": "real"},
        {f"{signed_in.COOKIE}_form": "real"},
        {signed_in.COOKIE.upper(): "real"},
    ],
)
def test_a_web_socket_without_a_session_is_refused(door: Door, cookies: dict[str, str]) -> None:
    """It is closed before it is accepted, and the pages hear nothing."""
    token = door.enter()[door.desk.cookie]
    cookies = {name: token if value == "real" else value for name, value in cookies.items()}
    sent = asyncio.run(_socket(door, cookies, {"origin": HERE}))

    assert [m["type"] for m in sent] == ["websocket.close"]
    assert door.pages.reached == []


@pytest.mark.parametrize(
    "sent",
    [
        {"origin": ""},
        {"origin": "null"},
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": f"{HERE}.evil.example"},
        {"origin": f"ftp://{HOST}"},
        {
            "origin": "http://[",
        },
        {"origin": "http://evil.example", "host": "evil.example"},
        {"origin": HERE, "host": ""},
    ],
)
def test_a_foreign_pages_web_socket_is_refused(door: Door, sent: dict[str, str]) -> None:
    """A session's cookie alone isn't enough: the page must be ours."""
    messages = asyncio.run(_socket(door, door.enter(), sent))

    assert [m["type"] for m in messages] == ["websocket.close"]
    assert door.pages.reached == []


async def _socket(
    door: Door, cookies: dict[str, str], sent: dict[str, str], session: Session | None = None
) -> list[dict[str, Any]]:
    """Open a web socket; end the session once numbers have come, and return what was sent."""
    messages: list[dict[str, Any]] = []
    coming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    coming.put_nowait({"type": "websocket.connect"})

    async def send(message: Any) -> None:
        messages.append(dict(message))
        if message.get("bytes") == b"numbers" and session is not None:
            door.desk.end(session, Ending.SIGNED_OUT)

    scope = _scope("websocket", "/_stcore/stream", cookies, sent)
    await asyncio.wait_for(door.gate(scope, coming.get, send), 10)
    return messages


def test_a_web_socket_is_closed_when_the_session_ends(door: Door) -> None:
    """Nothing more is sent, and the pages are told that it is over."""
    cookies = door.enter()
    session = door.desk.table.find(cookies[door.desk.cookie], door.desk.clock())
    messages = asyncio.run(_socket(door, cookies, {"origin": HERE}, session))

    assert [m["type"] for m in messages] == [
        "websocket.accept", "websocket.send", "websocket.close",
    ]  # fmt: skip
    assert door.pages.told == ["websocket.disconnect"]


@pytest.mark.parametrize("mine", [True, False])
def test_only_ones_own_state_can_be_taken_up_again(door: Door, mine: bool) -> None:
    """The id of another session's state is cut off before the pages read it."""
    cookies = door.enter()
    session = door.desk.table.find(cookies[door.desk.cookie], door.desk.clock())
    assert session is not None
    if mine:
        session.own("state-1")
    sent = {"origin": HERE, "sec_websocket_protocol": "streamlit, token, state-1"}
    asyncio.run(_socket(door, cookies, sent, session))
    found = headers.one(door.pages.reached[0]["headers"], "sec-websocket-protocol")

    assert found == ("streamlit, token, state-1" if mine else "streamlit, token")


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "127.0.0.1 ", "a@127.0.0.1", "[::2]"]
)
def test_a_foreign_host_is_turned_away_even_with_a_session(door: Door, host: str) -> None:
    """A name that somebody pointed at this machine gets nothing (DNS rebinding)."""
    answer = door.ask("GET", "/signin", cookies=door.enter(), host=host)

    assert answer.status == 421
    assert door.pages.reached == []


@pytest.mark.parametrize("host", ["127.0.0.1:8501", "LOCALHOST:9", "[::1]:8501", "localhost."])
def test_our_own_names_are_known(door: Door, host: str) -> None:
    """Any port will do, since a tunnel may have another one."""
    assert door.ask("GET", "/signin", host=host).status == 200


@pytest.mark.parametrize("origin", ["", "null", "http://evil.example", "http://127.0.0.1:1"])
@pytest.mark.parametrize("path", ["/signin", "/auth/active", "/_stcore/upload_file/a/b"])
def test_a_change_must_come_from_our_own_pages(door: Door, path: str, origin: str) -> None:
    """Cross-site requests are refused, with a session as well."""
    answer = door.ask("POST", path, cookies=door.enter(), origin=origin)

    assert answer.status == 403
    assert door.pages.reached == []


def test_a_session_reaches_the_pages(door: Door) -> None:
    """The page comes with our script, a policy that allows its own inline one, and no cache."""
    answer = door.ask("GET", "/live", cookies=door.enter())
    policy = answer.header("content-security-policy") or ""

    assert answer.status == 200
    assert b'src="/auth/watch.js"' in answer.body
    for language in ("en", "ja"):
        assert json.dumps(Text(language)("shell.skip"))[1:-1].encode() in answer.body
    assert b"pages" in answer.body
    assert answer.header("content-length") == str(len(answer.body))
    assert answer.header("cache-control") == "no-store"
    assert answer.header("referrer-policy") == "no-referrer"
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.header("etag") is None
    assert "frame-ancestors 'none'" in policy
    assert "'unsafe-eval'" not in policy
    assert re.search(r"script-src 'self' 'sha256-[\w+/]{43}=' ", policy)
    assert f"ws://{HOST}" in policy


def test_a_file_passes_as_it_is(door: Door) -> None:
    """What isn't a page is only given headers."""
    answer = door.ask("GET", "/media/numbers.csv", cookies=door.enter())

    assert answer.body == INDEX
    assert answer.header("x-content-type-options") == "nosniff"


def test_a_session_that_ended_reaches_nothing(door: Door) -> None:
    """Idle, signed out: the cookie is worth nothing, and the page hears why."""
    cookies = door.enter()
    door.clock.seconds += 900

    assert door.ask("GET", "/", cookies=cookies).status == 303
    answer = door.ask("GET", "/auth/wait", cookies=cookies)
    assert (answer.status, answer.body) == (401, b"idle")
    assert answer.cookies() == {}  # there may be a newer one by now
    assert door.pages.reached == []


def test_the_first_pages_own_address_leads_to_the_root(door: Door) -> None:
    """There the page server has it; at its own address it would say that there is none."""
    answer = door.ask("GET", "/overview", cookies=door.enter())

    assert (answer.status, answer.header("location")) == (303, "/")


def test_a_persons_movement_holds_off_the_lock(door: Door) -> None:
    """Only that counts: asking for pages and files doesn't."""
    cookies = door.enter()
    door.clock.seconds += 600
    door.ask("GET", "/", cookies=cookies)
    door.ask("POST", "/auth/active", cookies=cookies, origin=HERE)
    door.clock.seconds += 600
    door.ask("GET", "/", cookies=cookies)
    assert door.ask("GET", "/", cookies=cookies).status == 200
    door.clock.seconds += 301

    assert door.ask("GET", "/", cookies=cookies).status == 303


def test_the_right_password_opens_a_session(door: Door) -> None:
    """A new token in a cookie that scripts can't read and other sites can't send; logged."""
    answer = door.sign_in("hana", path="/signin?next=/overview&lang=ja")
    line = headers.values(answer.pairs, "set-cookie")[0]
    token = answer.cookies()[door.desk.cookie]
    found = door.desk.table.find(token, door.desk.clock())

    assert (answer.status, answer.header("location")) == (303, "/overview?lang=ja")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(line.split("; "))
    assert "Secure" not in line
    assert found is not None
    assert found.user == User("hana", Role.MANAGER)
    assert [(e.actor, e.role, e.action, e.decision) for e in door.recorder.events] == [
        ("hana", Role.MANAGER, Action.SIGNED_IN, Decision.ALLOWED)
    ]


def test_behind_tls_the_cookie_is_for_tls_only(tmp_path: Path) -> None:
    """It never travels in clear; a proxy's origin is our own."""
    door = Door(tmp_path, secure=True)
    door.add("hana", Role.MANAGER)
    answer = door.sign_in("hana", origin="https://shop.example", host="shop.example")

    assert answer.status == 303
    assert "Secure" in headers.values(answer.pairs, "set-cookie")[0]


@pytest.mark.parametrize(
    "next_", ["//evil.example", "https://evil.example", "/\\evil", "/a?b", "/%0d", "javascript:1"]
)
def test_a_sign_in_leads_nowhere_else(door: Door, next_: str) -> None:
    """What follows is a page of ours."""
    path = f"/signin?{urlencode({'next': next_})}"

    assert door.sign_in("hana", path=path).header("location") == "/"


@pytest.mark.parametrize(
    ("name", "password"),
    [("hana", "wrong"), ("nobody", PASSWORD), ("", ""), ("hana", ""), ("hana", PASSWORD + " "),
     ("hana", "x" * 2000), ("hana\x00", PASSWORD), ("' OR 1=1", "x")],
)  # fmt: skip
def test_anything_else_is_refused_alike(door: Door, name: str, password: str) -> None:
    """No session, the same sentence, and a refusal in the log, without what was typed."""
    answer = door.sign_in(name, password)
    event = door.recorder.events[-1]

    assert answer.status == 403
    assert b"The name or the password is wrong" in answer.body
    assert door.desk.cookie not in answer.cookies()
    assert event.decision is Decision.REFUSED
    assert event.actor in {"hana", "unknown"}
    assert (event.actor, event.role) != ("unknown", Role.MANAGER)


def test_a_disabled_account_is_refused_like_a_wrong_password(door: Door) -> None:
    """The right password doesn't help, and the answer doesn't say that it was right."""
    door.book.change("hana", door.desk._now(), disabled=True)
    answer = door.sign_in("hana")

    assert answer.status == 403
    assert b"The name or the password is wrong" in answer.body


def test_an_unknown_name_costs_a_hash_as_well(door: Door) -> None:
    """Where there is no account a hash of the same cost is tried, so the time tells nothing."""
    known = door.book.read()["hana"].password.split("$")[:4]

    assert door.desk._nobody.split("$")[:4] == known


@pytest.mark.parametrize("name", ["hana", "nobody"])
def test_guessing_is_slowed_whether_or_not_there_is_such_an_account(door: Door, name: str) -> None:
    """After five failures even the right password has to wait, and the answer says how long."""
    for _ in range(5):
        assert door.sign_in(name, "wrong").status == 403
    answer = door.sign_in(name)

    assert answer.status == 429
    assert answer.header("retry-after") == "2"
    assert len(door.recorder.events) == 5
    door.clock.seconds += 2
    assert door.sign_in(name).status == (303 if name == "hana" else 403)


def test_one_address_can_not_try_many_names(door: Door) -> None:
    """After twenty failures of whatever names, the address has to wait too."""
    for number in range(20):
        assert door.sign_in(f"name{number}", "wrong").status == 403

    assert door.sign_in("hana").status == 429


@pytest.mark.parametrize("wrong", ["proof", "cookie", "both", "large"])
def test_a_form_that_is_not_ours_is_refused(door: Door, wrong: str) -> None:
    """Without the proof that belongs to the browser's cookie no password is even looked at."""
    proof, cookies = door.form()
    if wrong in {"proof", "both"}:
        proof = "0" * 64
    if wrong in {"cookie", "both"}:
        cookies = {}
    fields = {"proof": proof, "name": "hana", "password": PASSWORD}
    body = urlencode(fields).encode() + (b"&x=" + b"y" * 20_000 if wrong == "large" else b"")
    answer = door.ask("POST", "/signin", body=body, cookies=cookies, origin=HERE)

    assert answer.status == 403
    assert door.desk.cookie not in answer.cookies()
    assert door.recorder.events == []


def test_what_can_not_be_logged_does_not_happen(door: Door) -> None:
    """With a broken access log nobody signs in, and the page says so."""

    def broken() -> signed_in.ListRecorder:
        raise StoreError("the access log refuses")

    door.desk._recorder = broken
    answer = door.sign_in("hana")

    assert answer.status == 503
    assert door.desk.cookie not in answer.cookies()


def test_damaged_accounts_let_nobody_in(door: Door, tmp_path: Path) -> None:
    """The page says that it is broken, not that the password is wrong."""
    (tmp_path / "state" / "accounts.json").write_text("{", "utf-8")
    answer = door.sign_in("hana")

    assert answer.status == 503
    assert b"users add" not in door.ask("GET", "/signin").body


def test_signing_in_again_ends_the_session_before(door: Door) -> None:
    """One browser is one user; what hung on the old session is dropped."""
    first = door.sign_in("hana").cookies()[door.desk.cookie]
    proof, cookies = door.form()
    fields = {"proof": proof, "name": "ren", "password": PASSWORD}
    cookies |= {door.desk.cookie: first}
    door.ask("POST", "/signin", body=urlencode(fields).encode(), cookies=cookies, origin=HERE)

    assert door.desk.table.find(first, door.desk.clock()) is None
    assert door.desk.table.why(first, door.desk.clock()) is Ending.REPLACED


def test_a_typed_name_is_shown_as_text(door: Door) -> None:
    """Markup in a name stays text."""
    answer = door.sign_in('"><script>alert(1)</script>', "x")

    assert b"<script>" not in answer.body


def test_before_the_first_account_the_command_is_shown(tmp_path: Path) -> None:
    """No form that nobody could fill in; sending one anyway opens nothing."""
    door = Door(tmp_path)
    answer = door.ask("GET", "/signin")

    assert b"omokage users add NAME --role admin --site /site" in answer.body
    assert b"<input" not in answer.body


def test_the_demos_link_opens_a_session(tmp_path: Path) -> None:
    """It carries the demo's mark, and the role may be changed from inside without the key."""
    door = Door(tmp_path, demo=True)
    first = door.ask("GET", "/enter?key=the-key").cookies()
    session = door.desk.table.find(first[door.desk.cookie], door.desk.clock())
    second = door.ask("GET", "/enter?role=reviewer", cookies=first).cookies()
    other = door.desk.table.find(second[door.desk.cookie], door.desk.clock())

    assert session is not None
    assert other is not None
    assert (session.demo, session.user.role, other.user.role) == (True, Role.ADMIN, Role.REVIEWER)
    assert session.ending is Ending.REPLACED


@pytest.mark.parametrize(
    "query", ["", "?key=", "?key=wrong", "?role=admin", "?key=the-key&role=agent",
              "?key=the-key&role=owner", "?key=%ED%A0%80"],
)  # fmt: skip
def test_without_the_key_there_is_no_way_into_a_demo(tmp_path: Path, query: str) -> None:
    """A wrong key, none, or a role that isn't a person's: no session."""
    door = Door(tmp_path, demo=True)
    answer = door.ask("GET", f"/enter{query}")

    assert answer.status == 403
    assert door.desk.cookie not in answer.cookies()


def test_a_site_with_accounts_has_no_link(tmp_path: Path) -> None:
    """As soon as there is an account the right key opens nothing, and old sessions end."""
    door = Door(tmp_path, demo=True)
    token = door.ask("GET", "/enter?key=the-key").cookies()[door.desk.cookie]
    door.add("hana", Role.MANAGER)
    door.desk.sweep()

    assert door.ask("GET", "/enter?key=the-key").status == 303
    assert door.desk.table.find(token, door.desk.clock()) is None


def test_a_real_site_has_no_link_at_all(door: Door) -> None:
    """Without the demo's key at the start no key is right."""
    assert door.ask("GET", "/enter?key=").header("location") == "/signin?next=%2Fenter"


def test_the_server_says_that_it_runs_and_nothing_else(door: Door) -> None:
    """A watchdog needs no session and learns nothing."""
    answer = door.ask("GET", "/auth/health")

    assert (answer.status, answer.body) == (200, b"ok")


def test_every_desk_has_another_secret(tmp_path: Path) -> None:
    """A form of one server isn't one of another."""
    first, second = Door(tmp_path), Door(tmp_path)
    first.add("hana", Role.MANAGER)
    proof, cookies = first.form()
    fields = {"proof": proof, "name": "hana", "password": PASSWORD}
    body = urlencode(fields).encode()

    assert second.ask("POST", "/signin", body=body, cookies=cookies, origin=HERE).status == 403
    assert isinstance(second.desk, Desk)
