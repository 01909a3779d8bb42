"""Set documents as PDF with typst.

Texts go in as JSON and are never read as markup. Nothing is fetched: templates, fonts and drawings
lie in this package. Files conform to PDF/UA-1 (tagged, readable aloud), and the same input gives
the same bytes. A character that our font lacks is looked for in the system's fonts; if it isn't
there either, the document is refused rather than printed with a hole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import typst

from agent.errors import ConfigError
from dashboard.documents.model import Document
from dashboard.documents.notice import PICTOGRAM, Notice
from dashboard.documents.page import Paper

PACKAGE = Path(__file__).parents[1]
FONTS = PACKAGE / "fonts"
_MISSING = re.compile(r'the text `?"(.+?)"`? could not be displayed')


def render(template: str, data: dict[str, Any], issued: date) -> bytes:
    """Return a PDF.

    Args:
        template: name of a `.typ` file beside this one.
        data: what the template shows.
        issued: day in the file's properties.

    Raises:
        ConfigError: a character can't be displayed with any font of this machine.
    """
    try:
        return _compile(template, data, issued, system_fonts=False)
    except typst.TypstError as error:
        if not _MISSING.search(str(error)):
            raise
    try:
        return _compile(template, data, issued, system_fonts=True)
    except typst.TypstError as error:
        found = _MISSING.search(str(error))
        if not found:
            raise
        raise ConfigError(
            f"no font on this machine has the character {found[1]!r}",
            advice="Install a font that has it, or write the text without it.",
        ) from error


def _compile(template: str, data: dict[str, Any], issued: date, *, system_fonts: bool) -> bytes:
    made = typst.compile(
        str(Path(__file__).with_name(template)),
        root=str(PACKAGE),
        font_paths=[str(FONTS)],
        ignore_system_fonts=not system_fonts,
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
        pdf_standards="ua-1",
        timestamp=datetime(issued.year, issued.month, issued.day, tzinfo=UTC),
        format="pdf",
    )
    assert isinstance(made, bytes)
    return made


def document_pdf(documents: Sequence[Document], paper: Paper) -> bytes:
    """Return one PDF with all documents, each from a page of its own. Raises as `render`."""
    data = {
        "paper": paper.css.lower(),
        "documents": [_plain(document) for document in documents],
    }
    return render("document.typ", data, documents[0].issued)


def notice_pdf(notices: Sequence[Notice], paper: Paper, issued: date) -> bytes:
    """Return one PDF with a sheet for each notice. Raises as `render`."""
    drawn = PICTOGRAM.read_text(encoding="utf-8").replace("currentColor", "#ffffff")
    data = {
        "paper": paper.css.lower(),
        "pictogram": drawn,
        "notices": [asdict(notice) for notice in notices],
    }
    return render("notice.typ", data, issued)


def _plain(document: Document) -> dict[str, Any]:
    blocks = [{"kind": type(b).__name__.lower(), **asdict(b)} for b in document.blocks]
    return {
        "language": document.language,
        "title": document.title,
        "subtitle": document.subtitle,
        "footer": document.footer,
        "blocks": blocks,
    }
