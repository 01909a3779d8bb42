"""Draw documents as one HTML file that prints well and needs nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from dashboard.documents.model import (
    Bullets,
    Document,
    Fields,
    Figure,
    Heading,
    Item,
    Paragraph,
    Table,
)
from dashboard.documents.page import Paper, page

_CSS = Path(__file__).with_name("document.css")
_BLANK = '<span class="blank"></span>'
_WIDE_BLANK = '<span class="blank wide"></span>'


def document_html(documents: Sequence[Document], paper: Paper) -> str:
    """Return one HTML document with all documents, each from a page of its own when printed."""
    css = _CSS.read_text(encoding="utf-8")
    first = documents[0]
    sheets = [_sheet(document) for document in documents]
    return page(first.language, first.title, css, sheets, paper, margin="18mm 20mm")


def _sheet(document: Document) -> str:
    blocks = "\n".join(_DRAW[type(block)](block) for block in document.blocks)
    subtitle = f'<p class="subtitle">{escape(document.subtitle)}</p>' if document.subtitle else ""
    return f"""<article lang="{document.language}">
<header><h1>{_lines(document.title)}</h1>{subtitle}</header>
{blocks}
<footer>{escape(document.footer)}</footer>
</article>"""


def _lines(text: str) -> str:
    return "<br>".join(escape(line) for line in text.split("\n"))


def _heading(block: Heading) -> str:
    turn = _class("turn") if block.new_page else ""
    return f"<h{block.level}{turn}>{escape(block.text)}</h{block.level}>"


def _paragraph(block: Paragraph) -> str:
    return f"<p{_class('note') if block.note else ''}>{_lines(block.text)}</p>"


def _class(name: str) -> str:
    return f' class="{name}"'


def _bullets(block: Bullets) -> str:
    return f"<ul>{''.join(f'<li>{_lines(item)}</li>' for item in block.items)}</ul>"


def _table(block: Table) -> str:
    sides = [_class("right") if side == "right" else "" for side in block.align]
    sides = sides or [""] * len(block.header)
    whole = sum(block.widths)
    columns = "".join(f'<col style="width: {100 * w / whole:.1f}%">' for w in block.widths)
    head = "".join(
        f'<th scope="col"{side}>{escape(text)}</th>'
        for side, text in zip(sides, block.header, strict=True)
    )
    height = f' style="height: {block.row_height_mm:g}mm"' if block.row_height_mm else ""
    rows = "".join(
        f"<tr{height}>"
        + "".join(f"<td{s}>{_lines(t)}</td>" for s, t in zip(sides, row, strict=True))
        + "</tr>"
        for row in block.rows
    )
    kind = _class("form") if block.row_height_mm else ""
    return (
        f'<div class="wide-part"><table{kind}><colgroup>{columns}</colgroup>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _figure(block: Figure) -> str:
    named = block.svg.replace("<svg ", f'<svg role="img" aria-label="{escape(block.alt)}" ', 1)
    caption = f"<figcaption>{escape(block.caption)}</figcaption>" if block.caption else ""
    return f'<figure><div class="wide-part">{named}</div>{caption}</figure>'


def _fields(block: Fields) -> str:
    entries = (
        f"<dt>{escape(name)}</dt><dd>{_lines(value) if value else _BLANK}</dd>"
        for name, value in block.entries
    )
    return f'<dl class="fields">{"".join(entries)}</dl>'


def _item(block: Item) -> str:
    found = "".join(f"<li>{_lines(text)}</li>" for text in block.found)
    proofs = "".join(f"<li><code>{escape(text)}</code></li>" for text in block.proofs)
    odd = len(block.blanks) % 2 == 1
    blanks = "".join(
        f"<span>{escape(name)}</span>{_WIDE_BLANK if odd and index == 0 else _BLANK}"
        for index, name in enumerate((*block.blanks, *block.signed))
    )
    parts = [
        f"<h4>{escape(block.found_title)}</h4><ul>{found}</ul>" if found else "",
        f'<h4>{escape(block.proof_title)}</h4><ul class="proofs">{proofs}</ul>' if proofs else "",
        f'<div class="blanks">{blanks}</div>' if blanks else "",
    ]
    return f"""<section class="item"><p class="asks"><span class="tick"></span>
<b>{escape(block.number)}</b> <b>{_lines(block.asks)}</b></p>
<p class="source">{escape(block.source)}</p>{"".join(parts)}</section>"""


_DRAW: dict[type, Callable[[Any], str]] = {
    Heading: _heading,
    Paragraph: _paragraph,
    Bullets: _bullets,
    Table: _table,
    Figure: _figure,
    Fields: _fields,
    Item: _item,
}
