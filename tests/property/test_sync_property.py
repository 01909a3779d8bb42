"""A sync ends alike, however often it was broken off before."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from tests.central import at_centre, at_site, prepared, released, run


class Cut(Exception):
    """The process died, or the network."""


class Knife:
    """Breaks a run off at a statement, or at the commit of one of its transactions."""

    def __init__(self, engine) -> None:
        self._left: int | None = None
        self._late = False
        event.listen(engine, "before_cursor_execute", self._count)
        event.listen(engine, "commit", self._commit)

    def set(self, statements: int | None, *, late: bool) -> None:
        """Cut after so many statements; `late`: after the transaction of that one is complete."""
        self._left, self._late = statements, late

    def _count(self, *_: object) -> None:
        if self._left is None:
            return
        self._left -= 1
        if self._left < 0 and not self._late:
            self._left = None
            raise Cut

    def _commit(self, connection) -> None:
        if self._late and self._left is not None and self._left < 0:
            self._left = None
            connection.connection.dbapi_connection.commit()
            raise Cut


breaks = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 25), st.booleans()), min_size=1, max_size=4
)
"""Of each run: buckets that were released before it, where it is cut, and whether late."""


@settings(max_examples=8)
@given(breaks)
def test_any_broken_runs_and_one_whole_one_give_the_same_rows(history) -> None:
    """Whatever runs were cut wherever, one whole run ends with all rows, each once."""
    with tempfile.TemporaryDirectory() as folder:
        source, number = Path(folder) / "aggregates.sqlite", 2
        released(source, range(number), range(1))
        centre = prepared(Path(folder) / "central.sqlite", "kyoto")
        knife = Knife(centre.engine)
        for fresh, at, late in history:
            released(source, range(number, number + fresh))
            number += fresh
            knife.set(at, late=late)
            try:
                run(source, centre)
            except Cut:
                knife.set(None, late=False)
                whole, _ = at_centre(centre)
                assert whole == [row for row in at_site(source)[0] if row in whole]
                assert len(whole) % 2 == 0, "half a bucket is at the centre"
        knife.set(None, late=False)

        run(source, centre)

        assert at_centre(centre) == at_site(source)
        assert run(source, centre).sent == 0
        centre.close()


def test_the_knife_cuts(tmp_path: Path) -> None:
    """A cut run does end early, before and after a commit: the property isn't empty."""
    released(tmp_path / "aggregates.sqlite", range(3))
    centre = prepared(tmp_path / "central.sqlite", "kyoto")
    knife = Knife(centre.engine)

    knife.set(8, late=False)
    with pytest.raises(Cut):
        run(tmp_path / "aggregates.sqlite", centre)
    assert at_centre(centre)[0] == []
    sent = []
    for at in range(30):
        knife.set(at, late=True)
        try:
            run(tmp_path / "aggregates.sqlite", centre)
        except Cut:
            sent.append(len(at_centre(centre)[0]))
    assert 0 in sent
    assert 6 in sent
