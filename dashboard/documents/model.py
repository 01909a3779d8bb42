"""A document as data: what it says, not how it looks. Texts are plain; no format reads markup.

`html`, `pdf` and `markdown` draw the same document; a new kind of block needs all three.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Align = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside the document.

    Attributes:
        text: of it.
        level: 2 for a chapter, 3 below it; 1 is the document's title.
        new_page: begins a page, where there are pages.
    """

    text: str
    level: Literal[2, 3] = 2
    new_page: bool = False


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text.

    Attributes:
        text: of it.
        note: smaller and quieter.
    """

    text: str
    note: bool = False


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list without order."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a row of headings.

    Attributes:
        header: names of the columns.
        rows: cells; an empty one is left blank.
        widths: of the columns, relative to each other; () for what the texts need.
        align: of the columns; () for left.
        row_height_mm: at least so high, for rows that people fill in by hand; 0 for the text's.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[float, ...] = ()
    align: tuple[Align, ...] = ()
    row_height_mm: float = 0

    def __post_init__(self) -> None:
        columns = len(self.header)
        sizes = {len(row) for row in self.rows} | {len(x) or columns for x in (self.widths,)}
        if columns == 0 or sizes - {columns} or len(self.align) not in {0, columns}:
            raise ValueError("a table's rows, widths and alignments have one entry a column")


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing.

    Attributes:
        svg: of our own making, as text; it may not name addresses.
        alt: what it shows, for who can't see it.
        caption: below it.
    """

    svg: str
    alt: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Fields:
    """Names with their values; where a value is empty, a line to write on."""

    entries: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a checklist, with a box to tick.

    Attributes:
        number: within the checklist.
        asks: what has to be so.
        source: where that is asked.
        found_title: heading of what follows.
        found: what is known already.
        proof_title: heading of the commands.
        proofs: commands that show it.
        blanks: what people fill in by hand.
        signed: who checked it and when, by hand as well, on a line of its own.
    """

    number: str
    asks: str
    source: str
    found_title: str = ""
    found: tuple[str, ...] = ()
    proof_title: str = ""
    proofs: tuple[str, ...] = ()
    blanks: tuple[str, ...] = ()
    signed: tuple[str, ...] = ()


Block = Heading | Paragraph | Bullets | Table | Figure | Fields | Item


@dataclass(frozen=True, slots=True)
class Document:
    """One document in one language.

    Attributes:
        language: of its words.
        title: of it.
        subtitle: below the title, or "".
        issued: day on which it was made.
        footer: at the foot of each page.
        blocks: in order.
    """

    language: str
    title: str
    subtitle: str
    issued: date
    footer: str
    blocks: tuple[Block, ...] = field(default=())
