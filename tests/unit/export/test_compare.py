"""Two backends are compared face by face, over what both saw."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest

from agent.domain.frame import FrameStatus
from agent.domain.observation import Look
from agent.export.compare import Comparer, overlap
from agent.export.rows import FaceNumbers, to_rows
from tests.fakes import observation

if TYPE_CHECKING:
    from agent.domain.observation import Observation
    from agent.export.rows import Row


def rows(backend: str, frame: int, *faces: Observation) -> list[Row]:
    """Return a frame's rows of one backend."""
    status = FrameStatus.OK if faces else FrameStatus.NO_FACE
    return to_rows(
        Look(status, faces),
        frame=frame,
        timestamp=0.0,
        source="a",
        backend=backend,
        numbers=FaceNumbers(),
    )


def shifted(face: Observation, by: float) -> Observation:
    """Return the same face with every intensity and angle moved."""
    delta = np.float32(by)
    return dataclasses.replace(face, au=face.au + delta, pose=face.pose + delta)


def test_a_constant_shift_correlates_fully() -> None:
    """Intensities that differ by a constant correlate by 1 and differ by that constant."""
    comparer = Comparer("own", "other")
    for frame in range(12):
        face = observation(seed=frame)
        comparer.add(rows("own", frame, face) + rows("other", frame, shifted(face, 0.5)))

    result = comparer.result()

    assert (result.both, result.only_first, result.only_second) == (12, 0, 0)
    for agreement in result.au.values():
        assert agreement.pairs == 12
        assert agreement.correlation == pytest.approx(1.0, abs=1e-3)
        assert agreement.mean_abs_diff == pytest.approx(0.5, abs=1e-3)
    assert result.pose["pitch"].mean_abs_diff == pytest.approx(0.5, abs=0.01)


def test_correlation_is_pearsons() -> None:
    """The streamed correlation equals numpy's."""
    comparer = Comparer("own", "other")
    first = [observation(seed=i) for i in range(30)]
    second = [observation(seed=100 + i) for i in range(30)]
    for frame, (a, b) in enumerate(zip(first, second, strict=True)):
        comparer.add(rows("own", frame, a) + rows("other", frame, b))

    expected = np.corrcoef([f.au[8] for f in first], [f.au[8] for f in second])[0, 1]
    assert comparer.result().au["AU12"].correlation == pytest.approx(float(expected), abs=1e-3)


def test_faces_are_paired_by_place() -> None:
    """Faces are compared with the face at the same place, in whatever order they are listed."""
    left, right = observation(0, seed=1), observation(3, seed=2)
    comparer = Comparer("own", "other")

    comparer.add(rows("own", 1, left, right) + rows("other", 1, right, left))

    result = comparer.result()
    assert result.both == 2
    assert result.au["AU01"].mean_abs_diff == 0.0


def test_faces_of_one_backend_alone_are_counted() -> None:
    """What only one backend found is said, and compared with nothing."""
    comparer = Comparer("own", "other")
    comparer.add(rows("own", 1, observation(0), observation(5)) + rows("other", 1, observation(0)))
    comparer.add(rows("own", 2) + rows("other", 2, observation(1)))

    result = comparer.result()

    assert (result.only_first, result.only_second, result.both) == (1, 1, 1)


def test_little_data_has_no_correlation() -> None:
    """Two pairs, or values that never change, have no correlation rather than a wrong one."""
    comparer = Comparer("own", "other")
    for frame in range(5):
        comparer.add(rows("own", frame, observation()) + rows("other", frame, observation()))

    assert comparer.result().au["AU04"].correlation is None
    assert Comparer("own", "other").result().au["AU04"].mean_abs_diff is None


def test_unknown_values_are_left_out() -> None:
    """An AU that one backend doesn't know has no pairs; it isn't taken as 0."""
    face = observation()
    blind = dataclasses.replace(face, au=np.full(19, np.nan, np.float32))
    comparer = Comparer("own", "other")

    comparer.add(rows("own", 1, face) + rows("other", 1, blind))

    assert comparer.result().au["AU12"].pairs == 0
    assert comparer.result().both == 1


def test_overlap_of_boxes() -> None:
    """A box overlaps itself fully and a far one not at all."""
    (here,), (there,) = rows("own", 1, observation(0)), rows("own", 1, observation(9))

    assert overlap(here, here) == pytest.approx(1.0)
    assert overlap(here, there) == 0.0
