"""Write documents as Markdown (CommonMark with tables): for a wiki, a ticket, a diff."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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

_BLANK = "＿" * 12


def document_markdown(documents: Sequence[Document]) -> str:
    """Return all documents, one after the other."""
    return "\n---\n\n".join(_document(document) for document in documents)


def _document(document: Document) -> str:
    parts = [f"# {_text(document.title)}"]
    if document.subtitle:
        parts.append(_text(document.subtitle))
    parts += [_WRITE[type(block)](block) for block in document.blocks]
    parts.append(_text(document.footer))
    return "\n\n".join(parts) + "\n"


def _text(text: str) -> str:
    """Return a text on one line in which nothing is markup."""
    flat = " ".join(text.split())
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>#|~&" else c for c in flat)


def _heading(block: Heading) -> str:
    return f"{'#' * block.level} {_text(block.text)}"


def _paragraph(block: Paragraph) -> str:
    return _text(block.text)


def _bullets(block: Bullets) -> str:
    return "\n".join(f"- {_text(item)}" for item in block.items)


def _table(block: Table) -> str:
    aligned = block.align or ("left",) * len(block.header)
    rule = "|".join("---:" if side == "right" else "---" for side in aligned)
    rows = [block.header, *block.rows]
    lines = [f"| {' | '.join(_text(cell) for cell in row)} |" for row in rows]
    return "\n".join([lines[0], f"|{rule}|", *lines[1:]])


def _figure(block: Figure) -> str:
    return f"({_text(block.alt)})" + (f"\n\n{_text(block.caption)}" if block.caption else "")


def _fields(block: Fields) -> str:
    return "\n".join(f"- **{_text(name)}**: {_text(v) or _BLANK}" for name, v in block.entries)


def _item(block: Item) -> str:
    lines = [f"- [ ] **{_text(block.number)} {_text(block.asks)}**  ", f"  {_text(block.source)}"]
    if block.found:
        lines += [f"  - {_text(block.found_title)}", *(f"    - {_text(x)}" for x in block.found)]
    if block.proofs:
        lines += [f"  - {_text(block.proof_title)}", *(f"    - `{x}`" for x in block.proofs)]
    lines += [f"  - {_text(name)}: {_BLANK}" for name in (*block.blanks, *block.signed)]
    return "\n".join(lines)


_WRITE: dict[type, Callable[[Any], str]] = {
    Heading: _heading,
    Paragraph: _paragraph,
    Bullets: _bullets,
    Table: _table,
    Figure: _figure,
    Fields: _fields,
    Item: _item,
}
