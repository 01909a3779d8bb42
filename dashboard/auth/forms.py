"""The sign-in page: plain HTML in two languages, without a script and without anything foreign."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from dashboard.text import LANGUAGES, Text

STYLE = Path(__file__).with_name("sign_in.css")
WATCH = Path(__file__).with_name("watch.js")
COMMAND = "omokage users add NAME --role admin"

# The same drawing as the pages' icon.
_MARK = (
    '<svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8" '
    'fill="#14707A"/><path d="M9 19c2 4 12 4 14 0M9 12h4m6 0h4" stroke="#fff" '
    'stroke-width="2.5" fill="none" stroke-linecap="round"/></svg>'
)


@dataclass(frozen=True, slots=True)
class Form:
    """What a sign-in page shows.

    Attributes:
        language: a key of `LANGUAGES`.
        proof: ties the form to the browser that it was sent to.
        next: where to go afterwards; a path of this server.
        said: a sentence above the form; "" for none.
        bad: the sentence says that something failed.
        name: what was typed before.
        service: another one by which people sign in; "" for none.
    """

    language: str
    proof: str = ""
    next: str = "/"
    said: str = ""
    bad: bool = False
    name: str = ""
    service: str = ""


def sign_in(form: Form) -> str:
    """Return the page with the form."""
    words = Text(form.language)
    focus_name, focus_password = ("", " autofocus") if form.name else (" autofocus", "")
    return _page(
        form,
        words("signin.title"),
        f"""<h1>{_text(words("signin.title"))}</h1>
{_said(form)}<form method="post" action="/signin?{_query(form.language, form.next)}">
<input type="hidden" name="proof" value="{_text(form.proof)}">
<label for="name">{_text(words("signin.name"))}</label>
<input id="name" name="name" autocomplete="username" autocapitalize="none" spellcheck="false"
 maxlength="64" required value="{_text(form.name)}"{focus_name}>
<label for="password">{_text(words("signin.password"))}</label>
<input id="password" name="password" type="password" autocomplete="current-password"
 maxlength="1024" required{focus_password}>
<button type="submit">{_text(words("signin.button"))}</button>
</form>
{_other(form)}<p class="small">{_text(words("signin.logged"))}<br>{
            _text(words("signin.forgotten"))
        }</p>""",
    )


def no_accounts(form: Form, site: str) -> str:
    """Return the page that says how the first account is made.

    Args:
        form: its language and where to go.
        site: the site's folder.
    """
    words = Text(form.language)
    return _page(
        form,
        words("signin.first_title"),
        f"""<h1>{_text(words("signin.first_title"))}</h1>
<p>{_text(words("signin.first"))}</p>
<pre>{_text(f"{COMMAND} --site {site}")}</pre>
<a class="button" href="/signin?{_query(form.language, form.next)}">{
            _text(words("signin.reload"))
        }</a>
<p class="small">{_text(words("signin.first_roles"))}</p>""",
    )


def demo(form: Form) -> str:
    """Return the page that says where the demo's link is."""
    words = Text(form.language)
    body = f"<h1>{_text(words('signin.demo_title'))}</h1>\n<p>{_code(words('signin.demo'))}</p>"
    return _page(form, words("signin.demo_title"), body)


def onwards(language: str) -> str:
    """Return a page that leads to the first page by itself."""
    return (
        f'<!DOCTYPE html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta http-equiv="refresh" content="0;url=/"><title>Omokage</title></head>'
        '<body><a href="/">Omokage</a></body></html>\n'
    )


def _page(form: Form, title: str, body: str) -> str:
    words = Text(form.language)
    return f"""<!DOCTYPE html>
<html lang="{form.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{_text(title)} · {_text(words("app.title"))}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/auth/sign_in.css">
</head>
<body>
<main>
<div class="brand">{_MARK}<span>面影 Omokage</span></div>
<p class="tagline">{_text(words("signin.tagline"))}</p>
{body}
</main>
<nav aria-label="{_text(Text("en")("app.language"))} · {_text(Text("ja")("app.language"))}">{
        " · ".join(_language(code, form) for code in LANGUAGES)
    }</nav>
</body>
</html>
"""


def _language(code: str, form: Form) -> str:
    name = _text(LANGUAGES[code])
    if code == form.language:
        return f'<span lang="{code}" aria-current="true">{name}</span>'
    return f'<a lang="{code}" hreflang="{code}" href="/signin?{_query(code, form.next)}">{name}</a>'


def _said(form: Form) -> str:
    if not form.said:
        return ""
    kind = 'class="said bad" role="alert"' if form.bad else 'class="said" role="status"'
    return f"<p {kind}>{_code(form.said)}</p>\n"


def _other(form: Form) -> str:
    if not form.service:
        return ""
    said = Text(form.language)("signin.other", service=form.service)
    return f'<a class="button quiet" href="/signin/oidc">{_text(said)}</a>\n'


def _query(language: str, following: str) -> str:
    pairs = {"lang": language} | ({"next": following} if following != "/" else {})
    return _text(urlencode(pairs))


def _code(text: str) -> str:
    """Write `a command` in code letters."""
    parts = [_text(part) for part in text.split("`")]
    return "".join(
        f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts)
    )


def _text(text: str) -> str:
    return html.escape(text)
