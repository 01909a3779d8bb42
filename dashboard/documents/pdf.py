"""Set documents as PDF with typst.

Texts go in as JSON and are never read as markup. Nothing is fetched: templates, fonts and drawings
lie in this package. Files conform to PDF/UA-1 (tagged, readable aloud), and the same input gives
the same bytes. A character that our font lacks is looked for in the system's fonts; if it isn't
there either, the document is refused rather than printed with a hole.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typst

from agent.errors import ConfigError

if TYPE_CHECKING:
    from datetime import date

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
