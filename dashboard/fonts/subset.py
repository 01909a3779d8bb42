"""Make the fonts in this folder from the full ones: only for who changes them.

Needs fontTools, which nothing else here does:

    python dashboard/fonts/subset.py FOLDER_WITH_BIZUDPGothic

FOLDER holds `BIZUDPGothic-Regular.ttf` and `BIZUDPGothic-Bold.ttf` as their authors (or Debian's
package fonts-morisawa-bizud-gothic, version 1.05) give them out. Kept are the characters that
Japanese and Western European texts use; hints go, since documents are printed or read on good
screens. The same input gives the same bytes.
"""

from __future__ import annotations

import sys
from pathlib import Path

NAMES = ("BIZUDPGothic-Regular.ttf", "BIZUDPGothic-Bold.ttf")
"""Weights that documents use."""

_PUNCTUATION = "‐‑–—‘’“”„†‡•…‰′″‹›€™−×÷→←↑↓⇒☐☑☒✓△▽○●◎■□◆◇★☆〒㈱㈲℡№"


def characters() -> frozenset[int]:
    """Return the code points to keep: Windows-31J (JIS X 0208 and more kanji of names), Latin-1."""
    points = set(range(0x20, 0x7F)) | set(range(0xA0, 0x100)) | {ord(c) for c in _PUNCTUATION}
    for high in (*range(0x81, 0xA0), *range(0xE0, 0xFD)):
        for low in range(0x40, 0xFD):
            pair = bytes((high, low))
            # The two differ in a few signs, such as the wave dash; texts use either.
            for table in ("cp932", "shift_jis"):
                points |= {ord(c) for c in pair.decode(table, "ignore")}
    private = range(0xE000, 0xF900)
    return frozenset(points - set(private))


def subset(source: Path, target: Path) -> None:
    """Write the reduced font."""
    from fontTools.subset import Options, Subsetter, load_font, save_font  # noqa: PLC0415

    options = Options(
        hinting=False,
        layout_features=["palt", "vert", "kern", "locl", "ccmp"],
        name_IDs=["*"],
        drop_tables=["DSIG"],
        glyph_names=False,
    )
    font = load_font(str(source), options, dontLoadGlyphNames=True)
    worker = Subsetter(options)
    worker.populate(unicodes=characters())
    worker.subset(font)
    font["head"].modified = font["head"].created
    save_font(font, str(target), options)


if __name__ == "__main__":
    for name in NAMES:
        subset(Path(sys.argv[1]) / name, Path(__file__).with_name(name))
