"""The three formats hold the same values; a broken run leaves no file that looks whole."""

from __future__ import annotations

import csv
import errno
import io
import json
import math
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.domain.frame import FrameStatus
from agent.domain.observation import Look
from agent.errors import ConfigError, StoreError
from agent.export import writers
from agent.export.rows import COLUMNS, NAMES, FaceNumbers, Row, printable, to_rows
from agent.export.writers import CsvWriter, PartWriter, read_part, table_writer
from tests.fakes import observation

if TYPE_CHECKING:
    from pathlib import Path


def sample(count: int = 5) -> list[Row]:
    """Return rows with faces, without faces, without emotion."""
    numbers = FaceNumbers()
    rows: list[Row] = []
    for frame in range(count):
        faces = tuple(observation(i, seed=frame, emotion=bool(frame % 2)) for i in range(frame % 3))
        status = FrameStatus.OK if faces else FrameStatus.NO_FACE
        rows += to_rows(
            Look(status, faces),
            frame=frame + 1,
            timestamp=None if frame == 4 else frame / 30,
            source='笑顔, "a".mp4',
            backend="own",
            numbers=numbers,
        )
    return rows


def written(path: Path, rows: list[Row]) -> Path:
    """Write a table."""
    with table_writer(path) as table:
        for row in rows:
            table.write([row])
    return path


def read_csv(path: Path) -> list[dict[str, object]]:
    """Read a CSV table back with each column's own type; an empty cell is None."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {name: COLUMNS[name](text) if text else None for name, text in row.items()}
            for row in csv.DictReader(file)
        ]


def read_jsonl(path: Path) -> list[dict[str, object]]:
    """Read a JSON Lines table back."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_all_formats_hold_the_same(tmp_path: Path) -> None:
    """CSV, Parquet and JSON Lines give back the same rows, missing values included."""
    rows = sample(9)
    expected = [dict(zip(NAMES, row, strict=True)) for row in rows]

    assert read_csv(written(tmp_path / "a.csv", rows)) == expected
    assert read_jsonl(written(tmp_path / "a.jsonl", rows)) == expected
    assert pq.read_table(written(tmp_path / "a.parquet", rows)).to_pylist() == expected


def test_missing_is_never_zero(tmp_path: Path) -> None:
    """In a row without a face no cell of any format reads 0 but `success`."""
    no_face = [sample(1)[0]]

    for suffix, read in ((".csv", read_csv), (".jsonl", read_jsonl)):
        (row,) = read(written(tmp_path / f"a{suffix}", no_face))
        assert [name for name, value in row.items() if value == 0 and name != "timestamp"] == [
            "success"
        ]
    (row,) = pq.read_table(written(tmp_path / "a.parquet", no_face)).to_pylist()
    assert row["AU12_r"] is None
    assert row["AU12_c"] is None
    assert row["confidence"] is None


def test_an_empty_table_has_its_columns(tmp_path: Path) -> None:
    """A table without rows still says what its columns are."""
    assert (written(tmp_path / "a.csv", [])).read_text().strip() == ",".join(NAMES)
    assert pq.read_schema(written(tmp_path / "a.parquet", [])).names == list(NAMES)


def test_parquet_is_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows leave memory by the group, and come back in order."""
    monkeypatch.setattr(writers, "ROW_GROUP", 4)
    rows = sample(12)

    path = written(tmp_path / "a.parquet", rows)

    assert pq.ParquetFile(path).num_row_groups == math.ceil(len(rows) / 4)
    back = pq.read_table(path).to_pylist()
    assert [tuple(row.values()) for row in back] == rows


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_broken_run_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    """When the work fails, neither the table nor its part is left; an older table stays."""
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"older")

    def interrupted() -> None:
        with table_writer(path) as table:
            table.write(sample())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_the_name_appears_only_when_whole(tmp_path: Path, suffix: str) -> None:
    """While rows are being written the final name doesn't exist."""
    path = tmp_path / f"a{suffix}"

    with table_writer(path) as table:
        table.write(sample())
        assert not path.exists()

    assert path.exists()


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    """A suffix that no format has is a ConfigError that names the known ones."""
    with pytest.raises(ConfigError) as caught:
        table_writer(tmp_path / "a.xlsx")

    assert ".parquet" in caught.value.advice


def test_an_unwritable_place_is_refused(tmp_path: Path) -> None:
    """A place where no file can be made is a StoreError, not a bare OSError."""
    (tmp_path / "file").write_text("x")

    with pytest.raises(StoreError), table_writer(tmp_path / "file" / "a.csv"):
        pass


class FullDisk(io.StringIO):
    """A file on a disk that takes no more."""

    def write(self, text: str) -> int:
        """Refuse."""
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_refused(tmp_path: Path) -> None:
    """A disk that takes no more is a StoreError, and no part is left behind."""

    def fill() -> None:
        with CsvWriter(tmp_path / "a.csv") as table:
            table._csv = csv.writer(FullDisk())
            table.write(sample())

    with pytest.raises(StoreError, match="No space"):
        fill()

    assert list(tmp_path.iterdir()) == []


def test_a_part_gives_back_its_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows kept between runs come back in batches, equal in value and type."""
    monkeypatch.setattr(writers, "ROW_GROUP", 4)
    rows = sample(12)
    path = tmp_path / "a.jsonl.gz"
    with PartWriter(path) as part:
        part.write(rows)

    batches = list(read_part(path))

    back = [row for batch in batches for row in batch]
    assert back == rows
    assert [[type(cell) for cell in row] for row in back] == [
        [type(cell) for cell in row] for row in rows
    ]
    assert max(len(batch) for batch in batches) == 4


@pytest.mark.parametrize("damage", ["empty", "zeros", "cut", "foreign"])
def test_a_damaged_part_is_refused(tmp_path: Path, damage: str) -> None:
    """A part that a power failure damaged is a StoreError that says what to do."""
    path = tmp_path / "out.csv.parts" / "a.jsonl.gz"
    with PartWriter(path) as part:
        part.write(sample(12))
    whole = path.read_bytes()
    contents = {"empty": b"", "zeros": b"\x00" * 64, "cut": whole[:-40], "foreign": b"PAR1"}
    path.write_bytes(contents[damage])

    with pytest.raises(StoreError) as caught:
        list(read_part(path))

    assert "out.csv.parts" in caught.value.advice


@settings(max_examples=20)
@given(name=st.text(min_size=1, max_size=20))
def test_any_file_name_survives(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """Any file name keeps its row in one piece; only what can't be printed is replaced."""
    folder = tmp_path_factory.mktemp("names")
    (row,) = to_rows(
        Look(FrameStatus.NO_FACE, ()),
        frame=1,
        timestamp=None,
        source=name,
        backend="own",
        numbers=FaceNumbers(),
    )

    assert read_jsonl_names(written(folder / "a.jsonl", [row])) == [printable(name)]
    with written(folder / "a.csv", [row]).open(encoding="utf-8", newline="") as file:
        assert [line["source"] for line in csv.DictReader(file)] == [printable(name)]


def read_jsonl_names(path: Path) -> list[str]:
    """Return the file names of a JSON Lines table."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line)["source"] for line in lines if line]
