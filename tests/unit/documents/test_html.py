"""HTML papers: well formed, escaped, and complete in themselves."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

import dashboard.documents
from agent.domain.words import LANGUAGES
from dashboard.documents.evidence import Kind, build_evidence
from dashboard.documents.html import document_html
from dashboard.documents.keyform import build_key_form
from dashboard.documents.model import Bullets, Document, Fields, Figure, Heading, Item, Paragraph
from dashboard.documents.model import Table as DocumentTable
from dashboard.documents.notice import build_notice
from dashboard.documents.notice_html import fitting_scale, notice_html
from dashboard.documents.page import Paper
from tests.papers import FACTS, HOSTILE, ISSUED, shop

DOCUMENTS = Path(dashboard.documents.__file__).parent
VOID = {"meta", "br", "col"}


def hostile():
    """Return a policy whose every text is markup."""
    policy, profile = shop(evidence=f"operator = {HOSTILE!r}")
    texts = dict.fromkeys(LANGUAGES, HOSTILE)
    return replace(policy, site=HOSTILE, purpose=texts, contact=HOSTILE, operator=HOSTILE), profile


def papers(which: str) -> str:
    """Return a paper of a hostile policy."""
    policy, profile = hostile()
    if which == "notice":
        notices = [build_notice(policy, profile, code, ISSUED) for code in LANGUAGES]
        return notice_html(notices, Paper.A4)
    if which == "keyform":
        forms = [build_key_form(replace(FACTS, site=HOSTILE), code) for code in LANGUAGES]
        return document_html(forms, Paper.A4)
    kind = Kind(which)
    lists = [build_evidence(policy, profile, kind, code, ISSUED) for code in LANGUAGES]
    return document_html(lists, Paper.A4)


EVERY = pytest.mark.parametrize("which", ["notice", "keyform", *Kind])


class Nesting(HTMLParser):
    """Notes what is opened, and that it is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        """Push."""
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """An empty element, as in SVG."""
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        """Pop."""
        assert self.open.pop() == tag


def parsed(page: str) -> Nesting:
    """Return a page's elements."""
    found = Nesting()
    found.feed(page)
    assert [] == found.open
    return found


@EVERY
def test_every_paper_is_well_formed(which: str) -> None:
    """Each element is closed in order, and each sheet names its language."""
    found = parsed(papers(which))

    articles = [attributes["lang"] for tag, attributes in found.seen if tag == "article"]
    assert list(LANGUAGES) == articles
    assert "ja" == next(a["lang"] for tag, a in found.seen if tag == "html")


@EVERY
def test_a_policys_text_is_never_markup(which: str) -> None:
    """`<script>` in a policy is shown, not run."""
    page = papers(which)

    assert "<script" not in page
    assert "&lt;script&gt;" in page


@EVERY
def test_nothing_is_fetched(which: str) -> None:
    """No element loads an address, and the page forbids itself to load any."""
    page = papers(which)
    found = parsed(page)

    loading = {"src", "srcset", "data", "action", "poster", "background"}
    assert not [tag for tag, a in found.seen if loading & set(a)]
    assert not [tag for tag, _ in found.seen if tag in {"link", "script", "iframe", "object"}]
    assert "url(" not in page
    assert "@import" not in page
    assert "default-src 'none'" in page


def test_the_only_link_is_the_sites_own() -> None:
    """The code's address may be followed by who reads the notice on a screen."""
    policy, profile = shop()
    page = notice_html([build_notice(policy, profile, "en", ISSUED)], Paper.A4)

    links = [a["href"] for tag, a in parsed(page).seen if tag == "a"]
    assert [policy.notice_url] == links


@EVERY
def test_every_drawing_has_words(which: str) -> None:
    """A drawing that means something is described; the others are hidden from readers aloud."""
    drawings = [a for tag, a in parsed(papers(which)).seen if tag == "svg"]

    assert all(a.get("aria-label") or a.get("aria-hidden") == "true" for a in drawings)


@pytest.mark.parametrize("paper", list(Paper))
def test_the_sheet_is_the_size_that_was_asked_for(paper: Paper) -> None:
    """The page rule names it."""
    page = notice_html([build_notice(*shop(), "ja", ISSUED)], paper)

    assert f"size: {paper.css};" in page
    assert f"--base: {paper.ratio};" in page


def test_more_text_is_set_smaller_down_to_a_limit() -> None:
    """Long purposes shrink the type, but never to what can't be read."""
    policy, profile = shop()

    scales = [
        fitting_scale(
            build_notice(replace(policy, purpose={"en": "word " * n}), profile, "en", ISSUED)
        )
        for n in (1, 100, 200, 5000)
    ]

    assert sorted(scales, reverse=True) == scales
    assert 1 == scales[0]
    assert 0.78 == scales[-1]


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours. Source: WCAG 2.2, relative luminance."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("#12303a", "#ffffff"), ("#12303a", "#e7f2f2"), ("#12303a", "#fbf1e4"),
        ("#0b5560", "#ffffff"), ("#0b5560", "#e7f2f2"), ("#8a3a12", "#fbf1e4"),
        ("#ffffff", "#0b5560"), ("#3f5a62", "#ffffff"),
    ],
)  # fmt: skip
def test_texts_can_be_read(text: str, ground: str) -> None:
    """Every pair of colours reaches WCAG's AA for small text, and is in use."""
    styles = "".join(path.read_text("utf-8").lower() for path in DOCUMENTS.glob("*.css"))

    assert contrast(text, ground) >= 4.5
    assert text.replace("#ffffff", "#fff") in styles


@pytest.mark.parametrize("draw", [lambda d: document_html([d], Paper.A4)], ids=["html"])
def test_every_kind_of_block_is_drawn(draw: Callable[[Document], str]) -> None:
    """Headings, texts, lists, tables, drawings, fields and items all come out, escaped."""
    figure = Figure(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"></svg>', "a <b>", "c"
    )
    blocks = (
        Heading("h <i>", 3),
        Paragraph("p\nq", note=True),
        Bullets(("x", "y")),
        DocumentTable(("k", "n"), (("a", "1"), ("", "2")), (2, 1), ("left", "right"), 8),
        figure,
        Fields((("name", ""), ("who", "me"))),
        Item("1.", "asks", "in", "found", ("f",), "proof", ("cmd",), ("one",), ("by", "on")),
    )

    page = draw(Document("en", "Title", "", ISSUED, "foot", blocks))

    parsed(page)
    for part in (
        "h &lt;i&gt;",
        "p<br>q",
        "<li>x</li>",
        'class="right">1',
        'aria-label="a &lt;b&gt;"',
        "<figcaption>c",
        'class="blank"',
        "<code>cmd</code>",
        'class="blank wide"',
    ):
        assert part in page
    assert re.search(r"<footer>foot</footer>", page)


def test_a_table_with_ragged_rows_is_refused() -> None:
    """A cell too many or too few is a mistake of ours."""
    for rows, widths, align in (
        ((("a",),), (), ()),
        ((("a", "b"),), (1,), ()),
        ((("a", "b"),), (), ("left",)),
    ):
        with pytest.raises(ValueError, match="one entry a column"):
            DocumentTable(("x", "y"), rows, widths, align)


def test_what_is_wider_than_a_phone_scrolls_by_itself() -> None:
    """Tables and drawings stand in a part that may scroll, so no number is cut in two."""
    figure = Figure('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"></svg>', "a")
    table = DocumentTable(("n",), (("38.3 % (37.7-38.9 %)",),), align=("right",))
    page = document_html([Document("en", "T", "", ISSUED, "f", (table, figure))], Paper.A4)

    assert page.count('<div class="wide-part"><table') == 1
    assert page.count('<div class="wide-part"><svg') == 1
    assert ".wide-part { overflow-x: auto; }" in page
    assert "td.right { white-space: nowrap; }" in page
