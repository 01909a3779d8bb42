"""PDF papers: real pages, embedded fonts, text that can be found and read aloud."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from agent.config.words import SENTENCES
from agent.domain.policy import Zone
from agent.domain.words import LANGUAGES
from agent.errors import ConfigError
from dashboard.documents import pdf
from dashboard.documents.evidence import Kind, build_evidence
from dashboard.documents.keyform import build_key_form
from dashboard.documents.model import Document, Figure, Paragraph, Table
from dashboard.documents.notice import build_notice
from dashboard.documents.page import Paper
from dashboard.documents.pdf import document_pdf, notice_pdf
from tests.papers import FACTS, HOSTILE, ISSUED, shop

LONG = {
    "en": "Learn at which hours and places customers frown while they wait, so that staff, signs "
    "and announcements can be planned better; and compare, by statistics that identify nobody, "
    "how the waiting area is used before and after its refurbishment. Results are published.",
    "ja": "待ち時間のあいだにお客様の困った表情が増える時間帯と場所を知り、受付と会計の人員配置、"
    "案内表示の位置、待ち時間の伝え方を見直すため。あわせて、改装の前後で待合の過ごしやすさが"
    "どう変わったかを、個人を特定しない統計によって比べ、次の改善に生かすため。",
}
ZONES = tuple(
    Zone(name, None, None, masks=(((0, 0), (1, 0), (1, 1)),))
    for name in ("till-north", "till-south", "door-main", "door-parking", "waiting", "counter")
)
DOCUMENTS = pdf.FONTS.parent / "documents"
needs_poppler = pytest.mark.skipif(not shutil.which("pdftotext"), reason="needs poppler-utils")


def notice(policy, profile, *, paper: Paper = Paper.A4, languages=LANGUAGES) -> bytes:
    """Return a policy's notice."""
    notices = [build_notice(policy, profile, code, ISSUED) for code in languages]
    return notice_pdf(notices, paper, ISSUED)


def tool(name: str, content: bytes, folder: Path, *options: str) -> str:
    """Return what one of Poppler's programs says about a file."""
    path = folder / "paper.pdf"
    path.write_bytes(content)
    command = [name, *options, str(path), *(["-"] if name == "pdftotext" else [])]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode()


def words_in(content: bytes, folder: Path) -> str:
    """Return a file's text without white space, which lines and fonts add and drop."""
    return "".join(tool("pdftotext", content, folder).split())


def pages(content: bytes, folder: Path) -> int:
    """Return the number of pages."""
    found = re.search(r"^Pages: +(\d+)", tool("pdfinfo", content, folder), re.MULTILINE)
    assert found
    return int(found[1])


@needs_poppler
def test_japanese_can_be_found_in_the_text(tmp_path: Path) -> None:
    """What is seen is what is copied, searched and read aloud."""
    policy, profile = shop()
    text = words_in(notice(policy, profile), tmp_path)

    for part in (
        policy.purpose["ja"],
        policy.purpose["en"],
        policy.contact,
        "48時間（2日）",
        "株式会社おもかげ書店",
        "カメラで表情の統計をとっています",
        "09:00〜20:00",
    ):
        assert "".join(part.split()) in text


@needs_poppler
def test_all_fonts_are_embedded_and_ours(tmp_path: Path) -> None:
    """A printer without Japanese fonts prints the same."""
    rows = tool("pdffonts", notice(*shop()), tmp_path).splitlines()[2:]

    assert rows
    for row in rows:
        assert re.search(r"\+BIZUDPGothic-(Regular|Bold) .* yes yes yes ", row), row


@needs_poppler
@pytest.mark.parametrize(
    ("paper", "size"), [(Paper.A4, "595.276 x 841.89"), (Paper.A3, "841.89 x 1190.55")]
)
def test_long_texts_and_six_places_fit_one_page(tmp_path: Path, paper: Paper, size: str) -> None:
    """A sheet a language, whatever the purpose; the page is as large as was asked."""
    policy, profile = shop()
    policy = replace(policy, purpose=LONG, zones=ZONES)
    made = notice(policy, profile, paper=paper)

    assert len(LANGUAGES) == pages(made, tmp_path)
    assert size in tool("pdfinfo", made, tmp_path)


@needs_poppler
def test_too_much_text_flows_onto_a_second_page(tmp_path: Path) -> None:
    """It isn't made smaller than can be read, and none of it is lost."""
    policy, profile = shop()
    policy = replace(policy, purpose={"en": "A long purpose. " * 110 + "The end."})
    made = notice(policy, profile, languages=["en"])

    assert 2 == pages(made, tmp_path)
    assert "Theend." in words_in(made, tmp_path)
    assert policy.contact.replace(" ", "") in words_in(made, tmp_path)


@needs_poppler
def test_a_policys_text_is_never_markup(tmp_path: Path) -> None:
    """The typesetter's own marks are printed as they stand."""
    policy, profile = shop()
    policy = replace(policy, purpose=dict.fromkeys(LANGUAGES, HOSTILE), contact=HOSTILE)

    text = words_in(notice(policy, profile), tmp_path)

    assert 4 == text.count("#strong[x]*b*{0}")
    assert 4 == text.count("<script>alert(")


@needs_poppler
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", list(Kind))
def test_checklists_are_whole(tmp_path: Path, kind: Kind, language: str) -> None:
    """Every point, source and command of a checklist is in its PDF."""
    document = build_evidence(*shop(), kind, language, ISSUED)
    text = words_in(document_pdf([document], Paper.A4), tmp_path)

    for block in document.blocks:
        for part in (getattr(block, "asks", ""), *getattr(block, "proofs", ())):
            # A word that is broken at a line's end is another text to `pdftotext`.
            assert "".join(part.split())[:18] in text


@needs_poppler
def test_the_key_form_has_its_log_on_a_page_of_its_own(tmp_path: Path) -> None:
    """Two pages a language: what was done, and what is destroyed later."""
    made = document_pdf([build_key_form(FACTS, code) for code in LANGUAGES], Paper.A4)

    assert 4 == pages(made, tmp_path)
    assert FACTS.fingerprint in words_in(made, tmp_path)


def test_every_word_of_ours_is_in_our_fonts() -> None:
    """No paper needs a font of the machine for what the program itself says."""
    texts = [path.read_text("utf-8") for path in (*DOCUMENTS.glob("*.toml"), SENTENCES)]
    blocks = tuple(Paragraph(text) for text in texts)
    data = {
        "paper": "a4",
        "documents": [pdf._plain(Document("ja", "T", "", ISSUED, "", blocks))],
    }

    assert pdf._compile("document.typ", data, ISSUED, system_fonts=False)


def test_the_same_input_gives_the_same_bytes() -> None:
    """A notice can be compared with the policy it was made from, years later."""
    assert notice(*shop()) == notice(*shop())


def test_a_file_says_what_it_is() -> None:
    """Tagged PDF/UA-1 with a title: screen readers get structure and language."""
    made = notice(*shop())

    assert made.startswith(b"%PDF-1.")
    assert b"pdfuaid:part" in made
    assert b"/Lang" in made
    assert b"/MarkInfo" in made


def test_a_character_that_no_font_has_is_refused() -> None:
    """A hole in a name isn't printed; the message names the character."""
    policy, profile = shop()

    with pytest.raises(ConfigError, match="no font") as refused:
        notice(replace(policy, operator="\U000f1234"), profile)
    assert "font" in refused.value.advice


def test_a_figure_and_a_table_of_numbers_are_set() -> None:
    """What reports are made of: a drawing with words for it, numbers on the right."""
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 20">'
        '<rect width="60" height="20" fill="#0b5560"/><text x="5" y="15">60 %</text></svg>'
    )
    blocks = (
        Paragraph("A report."),
        Figure(svg, "A bar of 60 per cent.", "Rates"),
        Table(("what", "rate"), (("smile", "60 %"),), align=("left", "right")),
    )

    made = document_pdf([Document("en", "Report", "June", ISSUED, "foot", blocks)], Paper.A4)

    assert len(made) > 5000


@pytest.mark.parametrize("name", ["BIZUDPGothic-Regular.ttf", "BIZUDPGothic-Bold.ttf"])
def test_fonts_are_small_and_come_with_their_licence(name: str) -> None:
    """Two weights, each below 2.5 MB, under the Open Font License."""
    assert (pdf.FONTS / name).stat().st_size < 2_500_000
    assert "SIL OPEN FONT LICENSE" in (pdf.FONTS / "OFL.txt").read_text("utf-8")
