"""The overview's parts that set things side by side, on a site with weeks of numbers."""

from __future__ import annotations

import csv
import io
import json
from datetime import date

import altair as alt
import pyarrow.parquet as pq
import pytest
from jsonschema import ValidationError
from streamlit.testing.v1 import AppTest

from agent.config.markers import FILE_NAME
from agent.config.site import Site
from agent.domain.aggregate import au_rate
from dashboard import export, queries
from dashboard.charts_compare import colour_range
from dashboard.estimates import Estimate
from dashboard.hours import Hour
from dashboard.queries import Days, Period
from dashboard.text import LANGUAGES, Text
from tests.browser.seed_days import TIMEZONE, fill_days
from tests.unit.dashboard.page import said, tables
from tests.unit.dashboard.test_pages import run

LAST, CHANGED = date(2026, 11, 23), date(2026, 11, 12)
RATE = au_rate("AU12")
MARKER = '[[marker]]\ndate = 2026-11-12\ntext = { ja = "新しいレジ", en = "New checkout" }\n'


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return a shop with three weeks of numbers, two places, and a marked day."""
    root = tmp_path_factory.mktemp("shop")
    site = fill_days(
        root, last=LAST, days=21, zones=("door", "yard"), seconds=3600, crowd=4, lift_from=CHANGED
    )
    (root / FILE_NAME).write_text(MARKER, encoding="utf-8")
    return site


@pytest.fixture(params=sorted(LANGUAGES))
def language(request: pytest.FixtureRequest) -> str:
    """Return each language in turn."""
    return str(request.param)


def long_page(site: Site, monkeypatch: pytest.MonkeyPatch, language: str = "en") -> AppTest:
    """Run the overview over everything that is kept."""
    app = run(site, monkeypatch, language)
    app.segmented_control(key="period").set_value(Period.ALL).run()
    assert not app.exception
    return app


def test_hours_places_and_the_marked_day_are_there(
    shop: Site, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """Each part has its heading, its chart a table, and the marked day its text."""
    words = Text(language)
    app = long_page(shop, monkeypatch, language)
    text = said(app)

    for key in ("byhour.title", "places.title", "change.title"):
        assert words(key) in text
    assert words("places.subtitle") in text
    assert len(tables(app)) == len(app.get("vega_lite_chart")) == 10
    assert {"ja": "新しいレジ", "en": "New checkout"}[language] in str(
        app.selectbox(key="change_marker").options
    )


def test_every_chart_fits_the_schema(shop: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages don't hold their charts against Vega-Lite's schema while they draw; this does."""
    made = long_page(shop, monkeypatch, "ja").get("vega_lite_chart")
    specs = [json.loads(chart.proto.spec) for chart in made]

    assert len(specs) == 10
    for spec in specs:
        assert spec["layer"]
        alt.LayerChart.from_dict(spec, validate=True)
    with pytest.raises(ValidationError):
        alt.LayerChart.from_dict({**specs[0], "height": "tall"}, validate=True)


def test_the_change_is_found_and_carries_an_interval(
    shop: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lip corners rise more often since the marked day; others show no evidence."""
    text = said(long_page(shop, monkeypatch))

    assert "Higher in the second period" in text
    assert "Lip corners up by" in text
    assert "No evidence of a difference" in text
    assert "The day itself, 2026-11-12, is left out." in text


def test_without_markers_two_periods_are_offered(
    shop: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is optional; a broken one is told instead of hiding the page."""
    path = shop.root / FILE_NAME
    path.unlink()
    try:
        app = long_page(shop, monkeypatch)
        assert [d.key for d in app.date_input] == ["change_first", "change_second"]
        path.write_text("nonsense [", encoding="utf-8")
        app.run()
        assert any("markers.toml" in warning.value for warning in app.warning)
        assert not app.exception
    finally:
        path.write_text(MARKER, encoding="utf-8")


def test_periods_that_overlap_are_refused(shop: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day can't be on both sides."""
    app = long_page(shop, monkeypatch)
    app.segmented_control(key="change_mode").set_value("periods").run()
    app.date_input(key="change_first").set_value((date(2026, 11, 5), date(2026, 11, 12)))
    app.date_input(key="change_second").set_value((date(2026, 11, 12), date(2026, 11, 20)))
    app.run()

    assert Text("en")("change.overlap") in [warning.value for warning in app.warning]


def test_hidden_hours_are_no_zeros(shop: Site) -> None:
    """An hour whose buckets are all hidden has a reason and no number; a closed one has nothing."""
    newest = queries.latest(shop)
    assert newest is not None
    _, hours = queries.hours(shop, newest, RATE, "yard", TIMEZONE)
    hidden = [hour for hour in hours if hour.cells and hour.estimate is None]
    night = [hour for hour in hours if hour.hour < 10]

    assert len(hours) == 168
    assert hidden
    assert all(hour.reason is not None and hour.shown == 0 for hour in hidden)
    assert all(hour.cells == 0 and hour.estimate is None for hour in night)


def test_chance_is_not_drawn_as_a_contrast() -> None:
    """Hours that differ by less than their intervals are wide don't get the whole range."""

    def hour(value: float, half: float) -> Hour:
        estimate = Estimate(value, value - half, value + half, 100, 20)
        return Hour(0, 10, estimate, None, 1, 1)

    alike, apart = [hour(0.40, 0.1), hour(0.42, 0.1)], [hour(0.2, 0.05), hour(0.6, 0.05)]
    low, high = colour_range(alike)

    assert high - low == pytest.approx(0.2)
    assert low < min(cell.estimate.value for cell in alike if cell.estimate)
    assert colour_range(apart) == pytest.approx((0.2, 0.6))
    assert colour_range([]) == (0.0, 1.0)


def test_days_and_buckets_give_the_same_numbers(shop: Site) -> None:
    """Read from days or from buckets, a place's number and its records agree."""
    newest = queries.latest(shop)
    assert newest is not None
    part = queries.stretch(shop, newest, Period.ALL, TIMEZONE)
    single = queries.Stretch(
        part.since, part.until, (queries.Span(part.since, part.until),), True, part.anchor
    )
    by_day = queries.read(shop, newest, part, "door").whole[RATE]
    by_bucket = queries.read(shop, newest, single, "door").whole[RATE]

    assert any(span.days for span in part.spans)
    assert by_day.samples == by_bucket.samples
    assert by_day.value == pytest.approx(by_bucket.value, abs=0.001)


def test_places_come_in_the_order_of_their_names(shop: Site) -> None:
    """No ranking: the order is that of the alphabet, whatever the numbers are."""
    newest = queries.latest(shop)
    assert newest is not None
    found = queries.places(shop, newest, Period.ALL, RATE, TIMEZONE)

    assert [place.zone for place in found] == ["door", "yard"]


def test_the_files_hold_released_rows_and_nothing_hidden(shop: Site) -> None:
    """CSV and Parquet have the same rows; a hidden one has a reason and no number."""
    newest = queries.latest(shop)
    assert newest is not None
    part = queries.stretch(shop, newest, Period.DAY, TIMEZONE)
    rows = queries.released(shop, part, None)
    read = list(csv.DictReader(io.StringIO(export.to_csv(rows).decode("utf-8-sig"))))
    table = pq.read_table(io.BytesIO(export.to_parquet(rows)))
    hidden = [row for row in read if row["hidden"] == "True"]

    assert len(read) == table.num_rows == len(rows)
    assert table.column_names == list(export.COLUMNS)
    assert hidden
    assert {(row["value"], row["samples"], row["persons"]) for row in hidden} == {("", "", "")}
    assert all(row["reason"] for row in hidden)


def test_a_formula_in_a_name_stays_text() -> None:
    """A spreadsheet must not run a place's name."""
    row = dict.fromkeys(export.COLUMNS, None) | {"zone": "=1+1", "value": -0.5}
    line = export.to_csv([row]).decode("utf-8-sig").splitlines()[1]

    assert line.startswith("'=1+1,")
    assert "-0.5" in line


def test_comparison_counts_days_and_terms(shop: Site) -> None:
    """Days with numbers are counted on both sides; one model and one policy held throughout."""
    found = queries.comparison(
        shop,
        (Days(date(2026, 11, 4), date(2026, 11, 10)), Days(date(2026, 11, 13), date(2026, 11, 19))),
        None,
        TIMEZONE,
    )

    assert found.days == (7, 7)
    assert (found.same_models, found.same_policy) == (True, True)
    assert found.cells[0][0] <= found.cells[0][1]
