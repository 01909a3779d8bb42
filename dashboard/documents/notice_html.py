"""Draw notices as one HTML file that needs nothing else: no address is loaded, no script runs.

Every text is escaped. The file shows in the reader's own fonts; the PDF brings its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from dashboard.documents.notice import PICTOGRAM, Line, Notice
from dashboard.documents.page import Paper, page

_CSS = Path(__file__).with_name("notice.css")
_CROSS = "M7.4 7.4l9.2 9.2M7.4 16.6l9.2-9.2"
_CLOCK = "M12 5v7.300l5.500 3"


def notice_html(notices: Sequence[Notice], paper: Paper) -> str:
    """Return one HTML document with a sheet for each notice."""
    sheets = [_sheet(notice, paper) for notice in notices]
    first = notices[0]
    css = _CSS.read_text(encoding="utf-8")
    return page(first.language, first.document, css, sheets, paper, margin="0")


def fitting_scale(notice: Notice) -> float:
    """Return how large the texts may be so that a sheet holds them, by their amount.

    A browser can't be asked to shrink text to a page, so this is an estimate; where it errs, the
    notice goes on on a second sheet. A wide character counts as
    a little more than two, since its lines stand further apart.
    """
    texts = [*notice.lead, notice.purpose.about, *(fact.about for fact in notice.facts)]
    texts += [notice.rights, notice.contact.about, notice.operator.about]
    columns = sum(2.3 if ord(c) > 0x2E80 else 1 for text in texts for c in text)
    return max(0.78, round(1.0 - max(0, columns - 420) * 0.000_27, 3))


def _sheet(notice: Notice, paper: Paper) -> str:
    style = f"--base: {paper.ratio}; --s: {fitting_scale(notice)}"
    never, kept = (_pairs(lines) for _, lines in (notice.never, notice.kept))
    facts = "".join(f"<h2>{escape(f.what)}</h2><div>{_lines(f.about)}</div>" for f in notice.facts)
    rights = f'<p class="rights">{escape(notice.rights)}</p>' if notice.rights else ""
    lead = "".join(f'<p class="lead">{escape(sentence)}</p>' for sentence in notice.lead)
    return f"""<article class="sheet" lang="{notice.language}" style="{style}">
<header class="band">{_pictogram(notice)}
<div><h1>{_lines(notice.title)}</h1>
<p class="other" lang="{notice.other_language}">{escape(notice.other_title)}</p></div></header>
{lead}
<section class="purpose"><h2>{escape(notice.purpose.what)}</h2>
<p>{escape(notice.purpose.about)}</p></section>
<div class="pair">
<section class="never"><h2>{_disc(_CROSS, "#8a3a12")}{escape(notice.never[0])}</h2>{never}</section>
<section class="kept"><h2>{_disc(_CLOCK, "#0b5560")}{escape(notice.kept[0])}</h2>{kept}</section>
</div>
<section class="facts">{facts}</section>
{rights}
{_footer(notice)}
</article>"""


def _footer(notice: Notice) -> str:
    small = "".join(f"<span>{escape(text)}</span>" for text in notice.small)
    return f"""<footer><div>
<h2>{escape(notice.operator.what)}</h2><p>{_lines(notice.operator.about)}</p>
<h2>{escape(notice.contact.what)}</h2><p>{_lines(notice.contact.about)}</p>
<p class="small">{small}</p></div>{_code(notice)}</footer>"""


def _code(notice: Notice) -> str:
    if not notice.qr:
        return ""
    named = notice.qr.replace("<svg ", f'<svg role="img" aria-label="{escape(notice.qr_alt)}" ', 1)
    link = f'<a href="{escape(notice.url)}">{escape(notice.qr_label)}</a>'
    return f"<figure>{named}<figcaption>{link}</figcaption></figure>"


def _pictogram(notice: Notice) -> str:
    drawn = PICTOGRAM.read_text(encoding="utf-8").strip()
    return drawn.replace("<svg ", f'<svg role="img" aria-label="{escape(notice.pictogram)}" ', 1)


def _disc(path: str, colour: str) -> str:
    return (
        f'<svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="12" '
        f'fill="{colour}"/><path d="{path}" fill="none" stroke="#fff" stroke-width="2.8" '
        'stroke-linecap="round" stroke-linejoin="round"/></svg>'
    )


def _pairs(lines: Sequence[Line]) -> str:
    entries = (f"<dt>{escape(x.what)}</dt><dd>{escape(x.about)}</dd>" for x in lines)
    return f"<dl>{''.join(entries)}</dl>"


def _lines(text: str) -> str:
    return "<br>".join(escape(line) for line in text.split("\n"))
