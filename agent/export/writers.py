"""CSV, Parquet and JSON Lines writers behind one port; the suffix decides which.

All three hold the same values: numbers are rounded once, when the row is made.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import zlib
from abc import ABC, abstractmethod
from contextlib import suppress
from itertools import islice
from typing import IO, TYPE_CHECKING, Self

from agent.errors import ConfigError, StoreError
from agent.export.rows import COLUMNS, NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    import pyarrow as pa

    from agent.export.rows import Row

ROW_GROUP = 4096
"""Rows of Parquet held in memory: about 3 MB."""
_ADVICE = "Check the disk's free space and the permissions of the output's folder."


class TableWriter(ABC):
    """Writes rows to `NAME.part`; leaving the `with` block in peace renames it to `NAME`.

    Attributes:
        durable: whether the disk must have the content before the name appears.
    """

    durable = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f"{path.name}.part")
        self.rows = 0

    def write(self, rows: Sequence[Row]) -> None:
        """Append rows.

        Raises:
            StoreError: the disk refuses.
        """
        try:
            self._write(rows)
        except OSError as error:
            raise _refused(self._path, error) from error
        self.rows += len(rows)

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._open()
        except OSError as error:
            raise _refused(self._path, error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._close()
            if kind is None:
                if self.durable:
                    _sync(self._part)
                self._part.replace(self._path)
        except OSError as refusal:
            if kind is None:
                raise _refused(self._path, refusal) from refusal
        finally:
            with suppress(OSError):
                self._part.unlink(missing_ok=True)

    @abstractmethod
    def _open(self) -> None: ...

    @abstractmethod
    def _write(self, rows: Sequence[Row]) -> None: ...

    @abstractmethod
    def _close(self) -> None: ...


class _TextWriter(TableWriter):
    """What CSV and JSON Lines share: one UTF-8 text file."""

    _file: IO[str]

    def _open(self) -> None:
        self._file = self._part.open("w", encoding="utf-8", newline="")

    def _close(self) -> None:
        self._file.close()


class CsvWriter(_TextWriter):
    """Comma-separated, one header line, empty cell = missing."""

    def _open(self) -> None:
        super()._open()
        self._csv = csv.writer(self._file, lineterminator="\n")
        self._csv.writerow(NAMES)

    def _write(self, rows: Sequence[Row]) -> None:
        self._csv.writerows(rows)


class JsonLinesWriter(_TextWriter):
    """One JSON object per line, null = missing."""

    def _write(self, rows: Sequence[Row]) -> None:
        for row in rows:
            fields = dict(zip(NAMES, row, strict=True))
            self._file.write(json.dumps(fields, ensure_ascii=False, allow_nan=False) + "\n")


class ParquetWriter(TableWriter):
    """Typed columns, written a row group at a time."""

    def _open(self) -> None:
        import pyarrow.parquet as pq  # noqa: PLC0415  # CSV users don't pay its 0.2 s

        self._held: list[Row] = []
        self._schema = _arrow_schema()
        self._parquet = pq.ParquetWriter(self._part, self._schema, compression="zstd")

    def _write(self, rows: Sequence[Row]) -> None:
        self._held += rows
        if len(self._held) >= ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa  # noqa: PLC0415

        columns = zip(*self._held, strict=True)
        arrays = [
            pa.array(list(column), field.type)
            for column, field in zip(columns, self._schema, strict=True)
        ]
        self._parquet.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._held.clear()

    def _close(self) -> None:
        try:
            if self._held:
                self._flush()
        finally:
            self._parquet.close()


WRITERS: dict[str, type[TableWriter]] = {
    ".csv": CsvWriter,
    ".parquet": ParquetWriter,
    ".jsonl": JsonLinesWriter,
    ".ndjson": JsonLinesWriter,
}


def table_writer(path: Path) -> TableWriter:
    """Return the writer that a file's suffix asks for; use it in `with`.

    Raises:
        ConfigError: no format has this suffix.
    """
    try:
        return WRITERS[path.suffix.lower()](path)
    except KeyError:
        known = ", ".join(WRITERS)
        raise ConfigError(
            f"no table format is called {path.suffix or 'nothing'!r}",
            advice=f"End the output's name in one of {known}.",
        ) from None


class PartWriter(_TextWriter):
    """One file's rows between runs: a compressed JSON array per line; small for one picture too.

    Unlike a finished table it isn't forced to the disk: after a power failure the damaged part is
    noticed when it is read back.
    """

    durable = False

    def _open(self) -> None:
        self._file = gzip.open(self._part, "wt", 1, "utf-8", newline="")  # noqa: SIM115  # _close

    def _write(self, rows: Sequence[Row]) -> None:
        self._file.writelines(json.dumps(row, allow_nan=False) + "\n" for row in rows)


def read_part(path: Path) -> Iterator[list[Row]]:
    """Yield a part's rows in batches.

    Raises:
        StoreError: the part can't be read back.
    """
    try:
        with _open_part(path) as file:
            while lines := list(islice(file, ROW_GROUP)):
                yield [tuple(json.loads(line)) for line in lines]
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise StoreError(
            f"{path.parent.name} is damaged",
            advice=f"Remove the folder {path.parent.name} and run the same command again.",
        ) from error


def _open_part(path: Path) -> IO[str]:
    if path.stat().st_size == 0:
        raise EOFError("a power failure left nothing; gzip would take that for an empty file")
    return gzip.open(path, "rt", encoding="utf-8")


def _sync(path: Path) -> None:
    """Have the disk keep a file's content before its name says that it is complete."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _arrow_schema() -> pa.Schema:
    import pyarrow as pa  # noqa: PLC0415

    types = {int: pa.int32(), float: pa.float64(), str: pa.string()}
    return pa.schema([pa.field(name, types[kind]) for name, kind in COLUMNS.items()])


def _refused(path: Path, error: OSError) -> StoreError:
    return StoreError(f"{path.name} can't be written ({error.strerror or error})", advice=_ADVICE)
