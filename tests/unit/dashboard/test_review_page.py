"""The reviewer's page in each of its states; the numbers page in each of its own."""

from __future__ import annotations

import ast
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from agent import bias_check
from agent.config.calibration_file import write_steps
from agent.config.site import Site
from agent.domain.access import Action, Decision, Role
from agent.domain.calibration import Calibration, Step
from agent.domain.circumstance import Circumstance
from agent.domain.record import to_batch
from agent.domain.review import Mark, Reason, Verdict
from agent.errors import StoreError
from agent.evaluation.bias import Bias, Group, Kind, Measure, group, signs
from agent.store.access_log import AccessLog, AccessReader
from agent.store.identity import marker_of
from agent.store.reviews import ReviewReader, ReviewStore
from agent.submission import submit
from dashboard import queries
from dashboard.review import page, player
from dashboard.review.desk import Desk, Stage
from dashboard.text import LANGUAGES, Text, catalogue
from dashboard.views.common import plain
from tests.forging import edit
from tests.reviewing import PASSPHRASE, clip, coding, review, view
from tests.reviewing import site as review_site
from tests.signed_in import sign_in
from tests.unit.dashboard.page import tables


def script(name: str) -> str:
    """Return a page's program: the function alone, with whoever is signed in."""
    return (
        "import streamlit as st\n"
        "from dashboard import session\n"
        "from dashboard.text import Text\n"
        f"from {name} import show\n"
        "show(Text(st.query_params.get('lang', 'en')), session.user())\n"
    )


REVIEW, QUALITY = script("dashboard.review.page"), script("dashboard.views.evaluation")


def open_page(
    monkeypatch: pytest.MonkeyPatch, place: Site, program: str = REVIEW, language: str = "en"
) -> AppTest:
    """Run a page as a reviewer; an exception on it fails the test."""
    monkeypatch.setenv(queries.SITE_VARIABLE, str(place.root))
    sign_in(monkeypatch, place.root, Role.REVIEWER, "sato")
    app = AppTest.from_string(program, default_timeout=120)
    app.query_params["lang"] = language
    return run(app)


def run(app: AppTest) -> AppTest:
    """Draw the page again; an exception on it fails the test."""
    app.run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    """Return what stands on a page."""
    kinds = (app.markdown, app.caption, app.info, app.warning, app.error, app.success)
    bars = [element.proto.text for element in app.get("progress")]
    return "\n".join([*bars, *(element.value for kind in kinds for element in kind)])


def unlock(app: AppTest, passphrase: str = PASSPHRASE, purpose: str | None = None) -> AppTest:
    """Type a passphrase and press the button."""
    app.text_input(key="secret.passphrase.0").input(passphrase)
    if purpose is not None:
        app.text_input(key="review.purpose").input(purpose)
    app.button[0].click()
    return run(app)


def events(place: Site) -> list[tuple[Action, Decision]]:
    """Return what stands in the access log, oldest first."""
    found = AccessReader(place.access_log).entries()
    return [(entry.event.action, entry.event.decision) for entry in reversed(found)]


def desk_of(app: AppTest) -> Desk:
    """Return the unlocked session behind a page."""
    desk = app.session_state["_secret_store"].get(page.DESK)
    assert isinstance(desk, Desk)
    return desk


def code(app: AppTest) -> AppTest:
    """Do what the player does when the blind coding is submitted."""
    app.session_state[page.STAGE].coding = coding()
    return run(app)


@pytest.fixture
def place(tmp_path: Path) -> Site:
    """Return a site with clips to review."""
    return review_site(tmp_path / "site", datetime.now(UTC))


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_locked_it_explains_and_asks(
    place: Site, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """Before the passphrase there is no clip, and the page says what unlocking does."""
    words = Text(language)
    app = open_page(monkeypatch, place, language=language)

    assert words("review.locked.what") in said(app)
    assert words("review.locked.persons_one") in said(app)
    assert not app.get("bidi_component")
    assert [] == events(place)


def test_a_wrong_passphrase_opens_nothing_and_is_logged(
    place: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says so in a sentence, and the log holds the try and its refusal."""
    app = unlock(open_page(monkeypatch, place), "not the one")

    assert Text("en")("review.locked.wrong") in said(app)
    assert [(Action.UNLOCKED, Decision.ALLOWED), (Action.UNLOCKED, Decision.REFUSED)] == events(
        place
    )
    assert app.session_state["_secret_store"].get(page.DESK) is None


def test_without_a_purpose_nothing_is_tried(place: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Why somebody looks must be said; the log isn't even touched."""
    app = unlock(open_page(monkeypatch, place), purpose="   ")

    assert Text("en")("review.locked.no_purpose") in said(app)
    assert [] == events(place)


def test_without_a_vault_it_says_where_reviews_are_done(
    place: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine without the keys there is no field for a passphrase."""
    place.vault.unlink()
    app = open_page(monkeypatch, place)

    assert not app.text_input
    assert "vault" in said(app)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_unlocked_it_shows_a_clip_and_no_answer_of_the_model(
    place: Site, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """What is opened is logged before; the blind step says nothing of the model's label."""
    words = Text(language)
    app = unlock(open_page(monkeypatch, place, language=language))
    log = AccessReader(place.access_log).entries()

    assert words("review.step.code") in said(app)
    assert [Action.UNLOCKED, Action.OPENED] == [action for action, _ in events(place)]
    assert 2 == len(log[0].event.objects)
    (player,) = app.get("bidi_component")
    assert '"said": null' in player.proto.json
    assert not [b for b in app.button if (b.key or "").startswith("review.verdict")]


def test_nothing_decrypted_is_outside_the_secret_store(
    place: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page's other state holds no record and no opener; locking clears it all."""
    app = unlock(open_page(monkeypatch, place))
    desk = desk_of(app)
    assert 0 < len(desk._loaded) <= 2
    assert all(one.rows.base is None for one in desk._loaded.values())  # not a whole bucket
    app.button(key="review.lock").click()
    run(app)

    assert Text("en")("review.locked.what") in said(app)
    assert not desk._loaded
    assert desk._opener is None
    assert page.STAGE not in app.session_state


def test_after_coding_label_and_verdicts_appear(
    place: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model's answers come only now, and nothing can be submitted without a verdict."""
    app = code(unlock(open_page(monkeypatch, place)))
    (player,) = app.get("bidi_component")

    assert '"said": {' in player.proto.json
    assert 5 == len([b for b in app.button if (b.key or "").startswith("review.verdict")])
    assert "review.submit" not in [b.key for b in app.button]


def test_submitting_stores_logs_and_goes_on(place: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the verdict the review is on the disk, its digest in the log, the next clip here."""
    app = code(unlock(open_page(monkeypatch, place)))
    before = app.session_state[page.STAGE].clip
    app.button(key="review.verdict.reject").click()
    run(app)
    app.button(key="review.verdict.accept").click()  # chosen anew before it is submitted
    run(app)
    app.button(key="review.submit").click()
    run(app)
    (stored,) = ReviewReader(place.reviews).reviews()
    newest = AccessReader(place.access_log).entries(limit=1)[0].event

    assert Text("en")("review.thanks") in said(app)
    assert Verdict.ACCEPT is stored.review.verdict
    assert before == str(stored.review.clip.id) != app.session_state[page.STAGE].clip
    assert (Action.REVIEWED, f"review:{stored.digest}") == (newest.action, newest.objects[1])
    assert coding() == stored.review.coding
    assert stored.review.circumstances == (
        Circumstance.FAR, Circumstance.DIM, Circumstance.FACING,
    )  # fmt: skip


def test_fix_needs_the_corrected_answers(place: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without them the button is dead; with them both codings are kept."""
    app = code(unlock(open_page(monkeypatch, place)))
    app.button(key="review.verdict.fix").click()
    run(app)
    assert app.button(key="review.submit").disabled
    app.session_state[page.STAGE].final = coding(frozenset({"AU12"}), None)
    run(app)
    app.button(key="review.submit").click()
    run(app)
    (stored,) = ReviewReader(place.reviews).reviews()

    assert coding() == stored.review.coding
    assert coding(frozenset({"AU12"}), None) == stored.review.final


def test_not_captured_says_what_happens_and_no_more(
    place: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says that it can't delete anything itself."""
    app = code(unlock(open_page(monkeypatch, place)))
    app.button(key="review.verdict.should-not-have-been-captured").click()
    run(app)

    assert Text("en")("review.step.not_captured") in said(app)


@pytest.mark.parametrize("agent_ran", [True, False])
def test_an_empty_queue_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agent_ran: bool
) -> None:
    """A site without a finished bucket has nothing to review, and says when there will be."""
    place = review_site(tmp_path / "site", datetime.now(UTC), buckets=0)
    if not agent_ran:
        place.segments.unlink()
        marker_of(place.segments).unlink()
    app = unlock(open_page(monkeypatch, place))

    assert Text("en")("review.empty.none") in said(app)


def test_a_damaged_bucket_does_not_stop_the_others(
    place: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is counted and named by kind; the clips of the other one are there."""
    edit(place.segments, "UPDATE segments SET ciphertext = zeroblob(200) WHERE bucket = 1")
    app = unlock(open_page(monkeypatch, place))

    assert "1 buckets could not be opened (Segment" in said(app)
    assert app.get("bidi_component")


@pytest.mark.parametrize(
    "sent",
    [
        None,
        {},
        {"coded": "x"},
        {"coded": {"id": "other", "marks": {}}},
        {"coded": {"id": "clip", "marks": {"AU01": "present"}}},
        {"coded": {"id": "clip", "marks": 3}},
        {"judged": "q"},
    ],
)
def test_nonsense_from_a_browser_is_nothing(sent: object) -> None:
    """Only a complete coding of the clip on the screen counts, and only known letters."""
    assert page._submitted(sent, "clip") is None
    assert page._judged(sent) is None


@pytest.mark.parametrize(
    "key",
    [
        *(f"review.mark.{mark.value}" for mark in Mark),
        *(f"review.mark_short.{mark.value}" for mark in Mark),
        *(f"review.verdict.{verdict.value}" for verdict in Verdict),
        *(f"review.reason.{reason.value}" for reason in Reason),
    ],
)
def test_every_answer_has_a_name(key: str) -> None:
    """No mark, verdict or reason is without words."""
    assert key in catalogue()


def test_every_verdict_has_a_letter_of_its_own() -> None:
    """No two verdicts share a key, and none is a key of the coding."""
    letters = [letter.lower() for letter in player.SHORTCUTS.values()]

    assert set(Verdict) == set(player.SHORTCUTS)
    assert len(letters) == len(set(letters))
    assert not set(letters) & set("ur0123456789")


def imported(path: Path) -> set[str]:
    """Return the modules that a file names in its imports, wherever they stand."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_no_other_page_can_name_the_opener() -> None:
    """Outside the review's folder no page imports it, the one door, or what unlocks."""
    root = Path(queries.__file__).parent
    doors = ("dashboard.review", "agent.access", "agent.crypto.open", "agent.crypto.vault")
    guilty = [
        f"{path.relative_to(root)}: {name}"
        for path in sorted(root.rglob("*.py"))
        if path.parent.name != "review"
        for name in imported(path)
        if name.startswith(tuple(f"{door}." for door in doors)) or name in doors
    ]

    assert [] == guilty
    assert "agent.access" in imported(root / "review" / "desk.py")  # the search finds it


def test_the_script_is_one_module() -> None:
    """Three files become one that exports the player alone, and none fetches anything."""
    script = player.script()

    assert 1 == script.count("export ")
    assert "export default function mount" in script
    for word in ("fetch(", "XMLHttpRequest", "import ", "localStorage", "sessionStorage"):
        assert word not in script


def test_the_label_is_refused_before_the_blind_coding() -> None:
    """The replay can't be made to carry the model's answers too early."""
    with pytest.raises(ValueError, match="blind"):
        player.replay(Text("en"), clip(at=datetime.now(UTC)), to_batch([]), model=view())


def test_a_stage_is_complete_only_with_what_it_needs() -> None:
    """No verdict without a coding, no fix without a correction."""
    assert not Stage("a", None, Verdict.ACCEPT).complete
    assert not Stage("a", coding()).complete
    assert not Stage("a", coding(), Verdict.FIX).complete
    assert Stage("a", coding(), Verdict.FIX, coding()).complete
    assert Stage("a", coding(), Verdict.REJECT).complete


def reviewed(place: Site, count: int) -> None:
    """Store reviews as the page does."""
    now = datetime.now(UTC)
    with ReviewStore(place.reviews) as store, closing(AccessLog(place.access_log)) as log:
        for i in range(count):
            one = review(i, at=now, verdict=Verdict.FIX if i % 4 == 0 else Verdict.ACCEPT,
                         coded=coding(frozenset({"AU12"}) if i % 2 else frozenset()),
                         model=view(frozenset({"AU12"}) if i % 3 else frozenset()))  # fmt: skip
            submit(store, log, one, timedelta(days=90))


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize(("count", "key"), [(0, "none"), (5, "summary_few"), (60, "summary")])
def test_the_numbers_page_says_what_it_can(
    place: Site, monkeypatch: pytest.MonkeyPatch, language: str, count: int, key: str
) -> None:
    """Nothing, too little and enough each have their sentence; every chart has a table."""
    reviewed(place, count)
    app = open_page(monkeypatch, place, QUALITY, language)
    begin = Text(language)(f"evaluation.{key}", value="25", low="16", high="37", n=count, needed=20)

    assert begin in said(app)
    assert len(app.dataframe) + len(tables(app)) >= len(app.get("vega_lite_chart"))
    assert (count == 60) == bool(app.get("vega_lite_chart"))


def test_the_numbers_page_notices_an_edited_review(
    place: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A review that isn't in the log as it is stands above all numbers."""
    reviewed(place, 3)
    with closing(sqlite3.connect(place.reviews)) as connection, connection:
        connection.execute("DROP TRIGGER review_never_changes")
        connection.execute("UPDATE review SET body=replace(body,'accept','reject') WHERE number=2")
    app = open_page(monkeypatch, place, QUALITY)

    assert "1 reviews were changed" in app.error[0].value


def test_the_numbers_page_survives_a_broken_database(
    place: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sentence with advice, no traceback."""
    place.reviews.write_bytes(b"no database" * 500)
    app = open_page(monkeypatch, place, QUALITY)

    assert app.error
    assert not app.metric


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_the_numbers_page_says_what_stands_out(
    place: Site, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """Before the first comparison it says so; afterwards each group that differs is named."""
    words = Text(language)
    before = said(open_page(monkeypatch, place, QUALITY, language))
    now = datetime.now(UTC)
    groups = (
        group(Kind.ZONE, "yard", Measure.UNREADABLE, 0.42, 0.01, 300),
        group(Kind.ZONE, "door", Measure.UNREADABLE, 0.02, 0.01, 300),
        group(Kind.DISTANCE, "far", Measure.QUALITY, 0.5, 0.01, 300),
        Group(Kind.HOUR, "morning", Measure.MISJUDGED, None, None, 4),
    )
    bias_check.write(place.bias, Bias(now, now - timedelta(days=28), now, groups, signs(groups)))
    after = said(open_page(monkeypatch, place, QUALITY, language))

    assert words("bias.none") in before
    assert words("bias.none") not in after
    assert plain(words("bias.kind.zone", name="yard")) in after
    assert words("bias.meaning") in after
    assert plain(words("bias.kind.zone", name="door")) not in after


def by_version(place: Site, count: int = 40) -> None:
    """Store reviews of an older and of a newer version, far clips wrong more often."""
    now = datetime.now(UTC)
    with ReviewStore(place.reviews) as store, closing(AccessLog(place.access_log)) as log:
        for i in range(2 * count):
            old, far = i < count, i % 2 == 0
            wrong = old or (far and i % 4 == 0)
            at = now - timedelta(days=20 if old else 2) + timedelta(minutes=i)
            one = review(i, at=at, verdict=Verdict.REJECT if wrong else Verdict.ACCEPT)
            near = Circumstance.FAR if far else Circumstance.NEAR
            halves = () if old else (near, Circumstance.DIM, Circumstance.FACING)
            one = replace(one, models=("m@old" if old else "m@new",), circumstances=halves)
            submit(store, log, one, timedelta(days=90))


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_the_numbers_page_shows_one_version_at_a_time(
    place: Site, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """The newest at first, an older one when it is chosen; what changed between them is said."""
    words = Text(language)
    by_version(place)
    app = open_page(monkeypatch, place, QUALITY, language)
    first = said(app)
    app.selectbox(key="evaluation.version").set_value(1)
    run(app)

    assert "`m@new`" in first
    assert "`m@old`" not in first
    assert words("evaluation.summary", value="25", low="14", high="40", n=40) in first
    assert "`m@old`" in said(app)
    assert words("evaluation.summary", value="100", low="91", high="100", n=40) in said(app)
    assert words("version.title") in first
    assert words("errors.not_noted", n=40) in said(app)
    assert words("errors.not_noted", n=40) not in first


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_the_numbers_page_says_where_the_model_is_wrong(
    place: Site, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """A difference by distance is said as one; one place alone can't be compared."""
    words = Text(language)
    by_version(place)
    told = said(open_page(monkeypatch, place, QUALITY, language))

    assert f"**{words('errors.kind.distance')}" in told
    assert words("errors.too-few", kind=words("errors.kind.zone"), least=20) in told


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_the_numbers_page_says_what_is_in_force(
    place: Site, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """A threshold that a person changed stands there with its name; a damaged file is said."""
    words, now = Text(language), datetime.now(UTC)
    with ReviewStore(place.reviews) as store, closing(AccessLog(place.access_log)) as log:
        submit(store, log, review(at=now), timedelta(days=1))
    changed = Calibration({"AU12": 1.6})
    write_steps(place.calibration, [Step(now, changed, 60)])
    shown = said(open_page(monkeypatch, place, QUALITY, language))
    place.calibration.write_text("{", "utf-8")
    damaged = said(open_page(monkeypatch, place, QUALITY, language))

    assert changed.name in shown
    assert words("au.AU12") in shown
    assert words("evaluation.as_shipped") not in shown
    assert "omokage calibrate reset" in damaged


def broken(place: Site, fault: str) -> None:
    """Break a site in one way."""
    if fault == "reviews-corrupt":
        place.reviews.write_bytes(b"no database" * 500)
    elif fault == "reviews-newer":
        with ReviewStore(place.reviews):
            pass
        with closing(sqlite3.connect(place.reviews)) as connection:
            connection.execute("UPDATE meta SET number = 99")
            connection.commit()
    elif fault == "segments-corrupt":
        place.segments.write_bytes(b"no database" * 500)
    elif fault == "log-corrupt":
        place.access_log.write_bytes(b"no database" * 500)
    elif fault == "calibration-damaged":
        place.calibration.write_text("{", "utf-8")


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize(
    "fault", ["reviews-corrupt", "reviews-newer", "segments-corrupt", "log-corrupt"]
)
def test_a_broken_database_is_said_and_opens_nothing(
    place: Site, monkeypatch: pytest.MonkeyPatch, fault: str, language: str
) -> None:
    """Each fault is a sentence with advice; no clip is shown, no session stays unlocked."""
    broken(place, fault)
    app = unlock(open_page(monkeypatch, place, language=language))

    assert app.error
    assert "Traceback" not in said(app)
    assert not app.get("bidi_component")
    assert app.session_state["_secret_store"].get(page.DESK) is None


def test_a_log_that_refuses_keeps_the_records_closed(
    place: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can't be written down beforehand doesn't happen."""
    broken(place, "log-corrupt")
    opened: list[object] = []
    monkeypatch.setattr(Desk, "scan", lambda *_: opened.append(1))
    unlock(open_page(monkeypatch, place))

    assert [] == opened


def test_a_damaged_calibration_does_not_stop_a_review(
    place: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clips are cut as shipped; the numbers page and the agent say what is wrong."""
    broken(place, "calibration-damaged")
    app = unlock(open_page(monkeypatch, place))

    assert app.get("bidi_component")
    assert not app.error


def test_a_judgement_that_is_refused_is_not_lost(
    place: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says why, the coding and the verdict are still there, and a second try works."""
    app = code(unlock(open_page(monkeypatch, place)))
    app.button(key="review.verdict.accept").click()
    run(app)
    clip_name = app.session_state[page.STAGE].clip
    with monkeypatch.context() as full:
        full.setattr(ReviewStore, "add", _refuse)
        app.button(key="review.submit").click()
        run(app)
    refused, kept = app.error[0].value, app.session_state[page.STAGE].clip
    app.button(key="review.submit").click()
    run(app)

    assert "no space" in refused
    assert clip_name == kept
    assert Text("en")("review.thanks") in said(app)
    assert 1 == len(ReviewReader(place.reviews).reviews())


def _refuse(*_: object) -> int:
    raise StoreError("no space", advice="Make room.")
