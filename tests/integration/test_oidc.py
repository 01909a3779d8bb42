"""Signing in by another service: the whole way, against a provider on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import pytest

from agent.config.site import Site
from agent.domain.access import Decision, Role
from agent.store.access_log import AccessReader
from agent.store.accounts import AccountBook
from tests.browser import seed, serving

pytest.importorskip("authlib", reason="the optional package for OpenID Connect isn't installed")
httpx = pytest.importorskip("httpx")
from tests.fake_provider import CLIENT, provider  # noqa: E402  (needs what may be missing)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fake_provider import Provider

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
TRUSTED = """
[auth]
redirect_uri = "http://127.0.0.1:{port}/oauth2callback"
client_id = "%s"
client_secret = "of no importance"
server_metadata_url = "%s/.well-known/openid-configuration"

[omokage]
label = "Example ID"

[accounts]
"hana@example.org" = "hana"
"gone@example.org" = "gone"
"nobody@example.org" = "nobody"
"""


@pytest.fixture(scope="module")
def service() -> Iterator[Provider]:
    """Run a provider."""
    with provider() as running:
        yield running


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, service: Provider) -> Path:
    """Return a site that trusts it, with a manager and a disabled account."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "policy.toml").write_bytes(seed.DEMO.read_bytes())
    trusted = folder / "oidc.toml"
    trusted.write_text(TRUSTED % (CLIENT, service.address), "utf-8")
    trusted.chmod(0o600)
    for name in ("hana", "gone"):
        serving.add_account(folder, name, Role.MANAGER)
    book = AccountBook(Site(folder).accounts)
    book.change("gone", book.read()["gone"].changed, disabled=True)
    return folder


@pytest.fixture(scope="module")
def address(root: Path) -> Iterator[str]:
    """Serve the site."""
    with serving.serve(root) as address:
        yield address


@pytest.fixture(autouse=True)
def hana(service: Provider) -> None:
    """Have the provider speak of Hana, with its own key, unless a test says otherwise."""
    service.who = {"email": "hana@example.org", "email_verified": True}
    service.signing = service.key


def walk(client: Any, address: str, path: str = "/signin/oidc") -> Any:
    """Follow redirections as a browser would, and return the last answer."""
    at = f"{address}{path}"
    for _ in range(8):
        answer = client.get(at, headers={"accept": "text/html"})
        if "location" not in answer.headers:
            return answer
        at = urljoin(at, answer.headers["location"])
    pytest.fail("in circles")


def ours(client: Any) -> list[str]:
    """Return the names of the session's cookies that a client holds."""
    return [name for name in client.cookies if "omokage_session" in name and "form" not in name]


def test_the_service_opens_a_session_with_the_accounts_role(address: str, root: Path) -> None:
    """The whole way leads to the pages; the page server's own cookies stay behind."""
    with httpx.Client() as client:
        done = walk(client, address)
        page = client.get(address, headers={"accept": "text/html"})
        kept = set(client.cookies)
    last = next(iter(AccessReader(Site(root).access_log).entries())).event

    assert done.status_code == 200
    assert "httponly" in done.headers["set-cookie"].lower()
    assert "samesite=strict" in done.headers["set-cookie"].lower()
    assert not any(name.startswith("_streamlit_user") for name in kept)
    assert b"/auth/watch.js" in page.content
    assert (last.actor, last.role) == ("hana", Role.MANAGER)


@pytest.mark.parametrize(
    "who",
    [
        {"email": "stranger@example.org", "email_verified": True},
        {"email": "hana@example.org", "email_verified": False},
        {"email": "hana@example.org"},
        {"email": ["hana@example.org"], "email_verified": True},
        {"email_verified": True},
        {"email": "gone@example.org", "email_verified": True},
        {"email": "nobody@example.org", "email_verified": True},
    ],
)
def test_the_service_alone_opens_nothing(
    address: str, service: Provider, root: Path, who: dict[str, Any]
) -> None:
    """Unknown, unverified, disabled or without an account: a sentence, an entry, no session."""
    service.who = who
    with httpx.Client() as client:
        done = walk(client, address)
        cookies = ours(client)
    last = next(iter(AccessReader(Site(root).access_log).entries())).event

    assert done.status_code == 403
    assert b"Example ID" in done.content
    assert cookies == []
    assert last.decision is Decision.REFUSED


def test_a_foreign_signature_opens_nothing(address: str, service: Provider) -> None:
    """An identity that somebody else signed is nobody's."""
    from joserfc.jwk import RSAKey

    service.signing = RSAKey.generate_key(2048, {"kid": "1"})
    with httpx.Client() as client:
        done = walk(client, address)
        cookies = ours(client)

    assert done.status_code == 403
    assert cookies == []


@pytest.mark.parametrize(
    "path",
    ["/oauth2callback", "/oauth2callback?code=code0&state=made-up", "/auth/login", "/auth/logout",
     "/auth/login?provider=default", "/oauth2callback/", "/overview"],
)  # fmt: skip
def test_there_is_no_shorter_way(address: str, path: str) -> None:
    """Without a login that began here, no path opens a session or shows a page."""
    with httpx.Client() as client:
        done = walk(client, address, path)
        cookies = ours(client)

    assert cookies == []
    assert b"/auth/watch.js" not in done.content


def test_a_forged_cookie_of_the_page_server_is_nobody(address: str) -> None:
    """Its cookie means nothing to the gate, whatever it holds."""
    with httpx.Client(cookies={"_streamlit_user": "e30.forged"}) as client:
        done = client.get(address, headers={"accept": "text/html"})

    assert done.status_code == 303


def test_the_form_offers_the_service_beside_the_password(address: str) -> None:
    """Both ways stand on the page; the password goes on to work."""
    text = httpx.get(f"{address}/signin?lang=ja").text

    assert 'href="/signin/oidc"' in text
    assert "Example ID でサインイン" in text
    assert 'type="password"' in text
