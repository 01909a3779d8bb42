"""Sites and an office on a real PostgreSQL: roles, rows, faults, certificates."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from agent.config.site import Site
from agent.domain.aggregate import FACES_PEAK, TOTAL_SECONDS, au_rate
from agent.errors import CentralDenied, CentralError, CentralUnreachable, SchemaTooNew, SiteUnknown
from agent.store.aggregate_sums import Span, Steps, SumReader
from agent.store.central import Centre
from agent.store.central_address import parse
from agent.store.central_shelf import CentralShelf
from agent.store.central_site import SiteAtCentre
from agent.store.central_tables import LONGEST
from tests import certificates, postgres
from tests.browser.seed import DEMO
from tests.central import FAR, at_centre, at_site, released, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres import Server

pytestmark = pytest.mark.slow
WORD = "grass meadow"
ANOTHERS_NUMBER = """
INSERT INTO number (site, bucket_start, zone, metric, unit, suppressed)
SELECT 'osaka', bucket_start, zone, metric, unit, false FROM number
"""
ANOTHERS_CELL = """
INSERT INTO cell SELECT 'osaka', 1, zone, schema, bucket_seconds, k, policy, models, delete_by
FROM cell LIMIT 1
"""
OWN_CELL = """
INSERT INTO cell SELECT site, {start}, 'attic', schema, {seconds}, k, policy, models, {delete_by}
FROM cell ORDER BY bucket_start DESC LIMIT 1
"""
OWN_DAY = """
INSERT INTO day SELECT site, start, 'attic', schema, seconds, date, expected, k, policies, models,
start + seconds + 1096 * 86400 FROM day LIMIT 1
"""
END = "bucket_start + bucket_seconds"
TOO_LONG = OWN_CELL.format(
    start="bucket_start", seconds="bucket_seconds", delete_by=f"{END} + 1095 * 86400 + 1"
)
IN_THE_FUTURE = OWN_CELL.format(
    start="bucket_start + 200000", seconds="bucket_seconds", delete_by=f"{END} + 200000"
)
NEVER_OVER = OWN_CELL.format(
    start="bucket_start", seconds="2000000000", delete_by="bucket_start + 2000000000"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Return a running server with a prepared centre, two sites and an office."""
    with postgres.cluster() as running:
        owner = centre_of(running, postgres.OWNER, postgres.PASSWORD)
        owner.prepare()
        for role, group in (("kyoto", "omokage_site"), ("osaka", "omokage_site"),
                            ("office", "omokage_reader"), ("stranger", None)):  # fmt: skip
            member = f" IN ROLE {group}" if group else ""
            running.psql(f"CREATE ROLE {role} LOGIN PASSWORD '{WORD}'{member}")
        owner.close()
        yield running


@pytest.fixture(autouse=True)
def clean(server: Server) -> Iterator[None]:
    """Begin each test with two empty sites, and leave no connection behind."""
    owner = centre_of(server, postgres.OWNER, postgres.PASSWORD)
    for site in ("kyoto", "osaka"):
        owner.remove(site)
        owner.add(site, site)
    yield
    while opened:
        opened.pop().close()


def centre_of(server: Server, role: str, password: str = WORD, more: str = "") -> Centre:
    """Return the centre as somebody reaches it; `clean` lets go of it."""
    url = server.url(role, password) + more
    opened.append(Centre(parse(f'url = "{url}"\n'.encode())))
    return opened[-1]


opened: list[Centre] = []


def now() -> datetime:
    """Return this instant: the server has a clock of its own."""
    return datetime.now(UTC)


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a site's file whose buckets are of the last hours, so that nothing is due."""
    begin = now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=30)
    monkeypatch.setattr("tests.central.START", begin)
    path = tmp_path / "fresh.sqlite"
    released(path, range(40), range(3))
    released(path, range(40), zone="yard")
    return path


def test_both_sides_hold_the_same_rows(server: Server, fresh: Path) -> None:
    """An office reads from the centre what the site's own pages read, bucket by bucket."""
    assert run(fresh, centre_of(server, "kyoto"), now=now()).sent == 83

    office = centre_of(server, "office")
    assert at_centre(office) == at_site(fresh)
    assert run(fresh, centre_of(server, "kyoto"), now=now()).sent == 0


def test_the_centre_adds_up_as_the_site_does(server: Server, fresh: Path) -> None:
    """Sums by step, by zone and over zones, and coverage, are those of the site's own file."""
    run(fresh, centre_of(server, "kyoto"), now=now())
    shelf = CentralShelf(centre_of(server, "office"), "kyoto")
    here, there = SumReader(fresh), SumReader(shelf)
    metrics = (au_rate("AU12"), au_rate("AU04"), FACES_PEAK, TOTAL_SECONDS)
    since, until = now() - timedelta(days=9), now() + timedelta(days=1)
    spans = (Span(since, now() - timedelta(hours=31), days=True), Span(since, until))
    steps = Steps(3600, 1234)

    for ask in (
        lambda reader: reader.pooled(spans, steps, metrics),
        lambda reader: reader.by_zone(spans, steps, metrics),
        lambda reader: reader.by_zone(spans, steps, metrics, ["yard"]),
        lambda reader: reader.coverage(spans, metrics),
    ):
        mine, theirs = ([*map(astuple, sorted(ask(r), key=_order))] for r in (here, there))
        assert len(mine) > 1
        assert len(mine) == len(theirs)
        for one, other in zip(mine, theirs, strict=True):
            assert all(_same(a, b) for a, b in zip(one, other, strict=True)), (one, other)
    assert here.terms(since, until) == there.terms(since, until)
    assert here.days(since, until) == there.days(since, until)


def _order(one) -> tuple:
    return one.zone, one.step, one.metric


def _same(a: object, b: object) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
    return a == b


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE number SET value = 0",
        "UPDATE cell SET k = 1",
        "UPDATE cell SET delete_by = delete_by + 1",
        "UPDATE day SET delete_by = delete_by + 1",
        "DELETE FROM cell",
        "DELETE FROM day_number",
        "TRUNCATE number",
        "INSERT INTO site (name, role) VALUES ('nara', 'kyoto')",
        "UPDATE site SET role = 'osaka'",
        "UPDATE meta SET number = 9",
        "ALTER TABLE cell DISABLE ROW LEVEL SECURITY",
        "SET ROLE osaka",
        "UPDATE number SET site = 'osaka'",
        ANOTHERS_NUMBER,
        ANOTHERS_CELL,
        TOO_LONG,
        OWN_DAY,
        IN_THE_FUTURE,
        NEVER_OVER,
    ],
)
def test_a_site_changes_nothing_but_its_own_deadlines(
    server: Server, fresh: Path, statement: str
) -> None:
    """A site's role can't change a number, put a deadline off, delete, or write another's rows."""
    kyoto = centre_of(server, "kyoto")
    run(fresh, kyoto, now=now())

    refusal = pytest.raises(Exception, match=r"denied|nearer|row-level security|must be owner")
    with refusal, kyoto.engine.begin() as connection:
        connection.execute(text(statement))
    assert at_centre(centre_of(server, "office")) == at_site(fresh)


def test_the_centre_keeps_nothing_for_longer_than_its_owner_says(
    server: Server, fresh: Path
) -> None:
    """A shorter bound brings forward what is there, and what sites send later complies."""
    kyoto, owner = centre_of(server, "kyoto"), centre_of(server, postgres.OWNER, postgres.PASSWORD)
    run(fresh, kyoto, now=now())
    left = "SELECT max(delete_by - start - seconds) FROM day"
    owner.prepare(timedelta(days=10))
    try:
        with owner.engine.connect() as connection:
            before = connection.execute(text(left)).scalar_one()
            outcome = run(fresh, kyoto, now=now())
            released(fresh, range(0), range(3, 6))
            later = run(fresh, kyoto, now=now())
            after = connection.execute(text(left)).scalar_one()
    finally:
        owner.prepare(LONGEST)

    assert before == after == 10 * 86_400
    assert (outcome.sent, outcome.shortened) == (0, 0), "both sides agree on the deadlines"
    assert later.sent == 3


def test_a_site_whose_clock_is_ahead_is_told(server: Server, fresh: Path) -> None:
    """Numbers of a day that hasn't come aren't taken, and the advice looks at the clock."""
    kyoto = centre_of(server, "kyoto")
    ahead = round(timedelta(days=40) / timedelta(minutes=15))
    released(fresh, range(ahead, ahead + 2))

    with pytest.raises(CentralError, match="future") as refusal:
        run(fresh, kyoto, now=now() + timedelta(days=41))
    assert "clock" in refusal.value.sentences
    assert at_centre(centre_of(server, "office"))[0] == []


HIJACK = """
CREATE TEMP TABLE {table} (delete_by bigint, role text);
INSERT INTO pg_temp.{table} VALUES (1);
CREATE FUNCTION pg_temp.seize() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'code of a site ran'; END $$;
CREATE TRIGGER seize BEFORE DELETE ON pg_temp.{table} FOR EACH ROW EXECUTE FUNCTION pg_temp.seize();
SELECT omokage_purge();
"""
LEFT = "SELECT count(*) FROM pg_temp.{table}"


@pytest.mark.parametrize("table", ["cell", "day"])
def test_a_site_slips_no_code_under_the_owners_rights(server: Server, table: str) -> None:
    """The purge has the owner's rights; a table of its name in the caller's session is another."""
    with centre_of(server, "kyoto").engine.begin() as connection:
        connection.exec_driver_sql(HIJACK.format(table=table))
        left = connection.exec_driver_sql(LEFT.format(table=table)).scalar_one()

    assert left == 1


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE public.mine (a int)",
        "CREATE FUNCTION public.le(bigint, bigint) RETURNS bool LANGUAGE sql AS 'SELECT true'",
    ],
)
def test_a_site_makes_nothing_that_others_could_meet(server: Server, statement: str) -> None:
    """No site can put a table, a function or an operator beside the centre's."""
    refused = pytest.raises(Exception, match="permission denied for schema public")
    with refused, centre_of(server, "kyoto").engine.begin() as connection:
        connection.exec_driver_sql(statement)


def test_a_site_sees_its_own_rows_alone(server: Server, fresh: Path) -> None:
    """Another site's numbers, and that it exists, are out of a site's sight."""
    run(fresh, centre_of(server, "kyoto"), "kyoto", now=now())

    osaka = centre_of(server, "osaka")
    assert [site.name for site in osaka.sites()] == ["osaka"]
    assert at_centre(osaka, "kyoto") == ([], [])
    with pytest.raises(SiteUnknown):
        run(fresh, osaka, "kyoto", now=now())


def test_an_office_reads_and_nothing_else(server: Server, fresh: Path) -> None:
    """A reader can't write; what is due it may have deleted, by the server's clock."""
    run(fresh, centre_of(server, "kyoto"), now=now())
    office = centre_of(server, "office")

    with pytest.raises(CentralDenied):
        run(fresh, office, now=now())
    assert office.purge(FAR) == 0, "a clock ahead deletes nothing"
    assert at_centre(office) == at_site(fresh)


def test_what_is_due_goes_whoever_syncs(server: Server, fresh: Path, tmp_path: Path) -> None:
    """A silent site's rows go by the server's clock when another site syncs."""
    run(fresh, centre_of(server, "osaka"), "osaka", now=now())
    server.psql("UPDATE cell SET delete_by = 1 WHERE zone = 'yard'")

    outcome = run(fresh, centre_of(server, "kyoto"), "kyoto", now=now())

    assert outcome.expired == 40
    cells, days = at_centre(centre_of(server, "office"), "osaka")
    assert {row.zone for row in cells} == {"door"}
    assert days


def test_a_wrong_password_and_a_stranger_are_refused(server: Server, fresh: Path) -> None:
    """Neither gets in; the refusal names no password."""
    for role, password in (("kyoto", "wrong word"), ("nobody", WORD)):
        with pytest.raises(CentralDenied) as refusal:
            run(fresh, centre_of(server, role, password), now=now())
        assert "word" not in str(refusal.value)
    with pytest.raises(CentralDenied):
        run(fresh, centre_of(server, "stranger"), now=now())


def test_a_site_can_not_be_given_to_a_role_that_is_none(server: Server) -> None:
    """Registering needs a role of the database that is among the sites' roles."""
    owner = centre_of(server, postgres.OWNER, postgres.PASSWORD)

    for role in ("nobody", "office"):
        with pytest.raises(CentralDenied, match="no such role"):
            owner.add("nara", role)


def test_preparing_again_changes_nothing(server: Server, fresh: Path) -> None:
    """`prepare` may be run on a centre that is in use."""
    run(fresh, centre_of(server, "kyoto"), now=now())

    centre_of(server, postgres.OWNER, postgres.PASSWORD).prepare()

    assert at_centre(centre_of(server, "office")) == at_site(fresh)
    assert run(fresh, centre_of(server, "kyoto"), now=now()).sent == 0


def test_a_newer_centre_is_refused(server: Server, fresh: Path) -> None:
    """What a newer Omokage prepared is left alone."""
    server.psql("UPDATE meta SET number = 7 WHERE name = 'schema'")
    try:
        with pytest.raises(SchemaTooNew):
            run(fresh, centre_of(server, "kyoto"), now=now())
    finally:
        server.psql("UPDATE meta SET number = 1 WHERE name = 'schema'")
    assert at_centre(centre_of(server, "office")) == ([], [])


def test_two_runs_at_once_send_each_row_once(server: Server, fresh: Path) -> None:
    """Runs beside each other end well, and the centre holds every row once."""
    with ThreadPoolExecutor(4) as pool:
        ended = [pool.submit(run, fresh, centre_of(server, "kyoto"), now=now()) for _ in range(4)]
        assert max(one.result().sent for one in ended) == 83

    assert at_centre(centre_of(server, "office")) == at_site(fresh)


def test_a_server_that_goes_away_is_said_and_made_up_for(
    server: Server, fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server stops in the middle: code 14; once it is back, a run sends the rest."""
    monkeypatch.setattr("agent.sync.run.PORTION", 10)
    real, calls = SiteAtCentre.send, []

    def send(self, *rest) -> None:
        calls.append(rest)
        if len(calls) == 4:
            server.control("-m", "immediate", "stop")
        real(self, *rest)

    monkeypatch.setattr(SiteAtCentre, "send", send)
    try:
        with pytest.raises(CentralError) as refusal:
            run(fresh, centre_of(server, "kyoto"), now=now())
        with pytest.raises(CentralUnreachable):
            run(fresh, centre_of(server, "kyoto"), now=now())
    finally:
        server.start()
    monkeypatch.setattr(SiteAtCentre, "send", real)

    assert refusal.value.exit_code == 14
    there, _ = at_centre(centre_of(server, "office"))
    assert len(there) == 60, "three portions of ten whole buckets"
    assert run(fresh, centre_of(server, "kyoto"), now=now()).sent == 53
    assert at_centre(centre_of(server, "office")) == at_site(fresh)


KILLED = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from agent.store.central import Centre
from agent.store.central_address import load_address
from tests import central
from agent.sync import run as running
running.PORTION = 1
address = load_address(Path(sys.argv[1]))
print("begun", flush=True)
central.run(Path(sys.argv[2]), Centre(address), now=datetime.now(UTC))
"""


def test_a_killed_run_loses_and_doubles_nothing(
    server: Server, fresh: Path, tmp_path: Path
) -> None:
    """Killed whenever, also between the commit there and the end here, the next run mends it."""
    file = tmp_path / "central.toml"
    file.write_text(f'site = "kyoto"\nurl = "{server.url("kyoto", WORD)}"\n')
    file.chmod(0o600)
    office = centre_of(server, "office")
    counts = []
    for enough in (1, 30, 60, 100):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(file), str(fresh)], stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        )  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        while len(at_centre(office)[0]) < enough and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        counts.append(len(at_centre(office)[0]))
        assert counts[-1] % 2 == 0, "half a bucket is at the centre"

    run(fresh, centre_of(server, "kyoto"), now=now())

    assert counts == sorted(counts)
    assert 0 < counts[0] < 160
    assert at_centre(office) == at_site(fresh)


STRICT = """
import ctypes, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) != 0:  # PR_SET_MDWE, as the unit has it
    sys.exit(77)
from agent.cli.main import main
main(["sync", "--site", sys.argv[1], "--central", sys.argv[2]])
"""


def test_it_runs_where_memory_is_never_executable_and_writable(
    server: Server, fresh: Path, tmp_path: Path
) -> None:
    """The command works under the kernel's switch that its unit uses."""
    site, file = Site(tmp_path / "site"), tmp_path / "central.toml"
    site.aggregates.parent.mkdir(parents=True)
    site.policy.write_bytes(DEMO.read_bytes())
    fresh.rename(site.aggregates)
    file.write_text(f'site = "kyoto"\nurl = "{server.url("kyoto", WORD)}"\n')
    file.chmod(0o600)
    done = subprocess.run(
        [sys.executable, "-c", STRICT, str(site.root), str(file)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if done.returncode == 77:
        pytest.skip("this kernel has no PR_SET_MDWE (Linux 6.3)")

    assert done.returncode == 0, done.stderr
    assert "were sent as kyoto" in done.stdout
    there, here = at_centre(centre_of(server, "office")), at_site(site.aggregates)
    assert there[0]
    assert there[0] == [row for row in here[0] if row in there[0]]


def test_a_certificate_is_checked(server: Server, fresh: Path, tmp_path: Path) -> None:
    """With verify-full the right signer lets numbers through, another signer and no TLS don't."""
    ours, theirs = certificates.authority("ours"), certificates.authority("theirs")
    files = {name: tmp_path / f"{name}.pem" for name in ("ours", "theirs")}
    for name, one in (("ours", ours), ("theirs", theirs)):
        files[name].write_bytes(one.certificate)
    checked = "?sslmode=verify-full&sslrootcert="

    with pytest.raises(CentralError):
        run(fresh, centre_of(server, "kyoto", more=checked + str(files["ours"])), now=now())
    server.use_tls(*certificates.issue(ours, "127.0.0.1"))
    try:
        with pytest.raises(CentralUnreachable, match="certificate"):
            run(fresh, centre_of(server, "kyoto", more=checked + str(files["theirs"])), now=now())
        sent = run(fresh, centre_of(server, "kyoto", more=checked + str(files["ours"])), now=now())
    finally:
        server.use_tls()
    assert sent.sent == 83
