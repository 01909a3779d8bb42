"""Pictures, videos and folders in, one table out: what a camera does live, for recorded media.

Rules:
- One file's trouble is its own: it gives one clear sentence in the report, the others go on.
- A still picture is looked at without smoothing or memory; each video starts with a fresh memory.
- Each frame is wiped once the last backend has looked at it, whatever happens.
- An interrupted run continues where it stopped, file by file (see `agent.export.job`); a file that
  was under way is looked at again from its start.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from agent.capture.files import PictureSource, file_type, media_files
from agent.capture.headers import FileType
from agent.capture.opencv import Address, Kind, OpenCvSource
from agent.capture.source import NS_PER_SECOND
from agent.errors import BatchIncomplete, ConfigError, MediaError
from agent.export.compare import Comparer, Comparison
from agent.export.job import Job, Outcome
from agent.export.rows import NAMES, FaceNumbers, count_faces, printable, to_rows
from agent.export.writers import PartWriter, read_part, table_writer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from agent.capture.source import FrameSource, Picture
    from agent.clock import Clock
    from agent.domain.frame import Frame
    from agent.domain.observation import FaceBackend
    from agent.export.rows import Row
    from agent.export.writers import TableWriter


class BackendFactory(Protocol):
    """Makes a backend when the first file needs it."""

    def __call__(self, *, still: bool) -> FaceBackend:
        """Load a backend for still pictures or for moving ones."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the batch is.

    Attributes:
        index: of the file, from 0.
        files: in the batch.
        source: the file's name.
        frames: looked at in this file so far.
        expected: frames that will be looked at, by the file's header; None where unknown.
        outcome: of the file; None while it is under way.
    """

    index: int
    files: int
    source: str
    frames: int
    expected: int | None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a batch came to.

    Attributes:
        out: the table.
        outcomes: one per file, in the table's order.
        resumed: how many files an earlier run had done already.
        seconds: that this run took.
        frames: that this run looked at; an earlier run's aren't counted.
        comparison: of two backends; None with one.
    """

    out: Path
    outcomes: tuple[Outcome, ...]
    resumed: int
    seconds: float
    frames: int
    comparison: Comparison | None

    @property
    def incomplete(self) -> tuple[Outcome, ...]:
        """Files that failed, or that stop before their end."""
        return tuple(outcome for outcome in self.outcomes if not outcome.complete)

    def require_complete(self) -> None:
        """Refuse a batch in which a file failed or was cut short.

        Raises:
            BatchIncomplete: some did.
        """
        if self.incomplete:
            count, files = len(self.incomplete), len(self.outcomes)
            raise BatchIncomplete(f"{count} of {files} files failed or were incomplete")


@dataclass(frozen=True, slots=True)
class Item:
    """One file of a batch and the name that its rows carry."""

    path: Path
    source: str


def find_items(paths: Sequence[Path]) -> list[Item]:
    """List a batch's files: what was named, and below folders all pictures and videos.

    A row's `source` is the path below the named folder, or the file's name; where two files would
    share it, the whole path as written.

    Raises:
        ConfigError: there is nothing to analyze.
    """
    found: dict[Path, str] = {}
    for path in paths:
        if path.is_dir():
            found |= {file: file.relative_to(path).as_posix() for file in media_files(path)}
        else:
            found[path] = path.name
    if not found:
        raise ConfigError(
            "there is no picture or video to analyze",
            advice="Name files, or a folder that holds some.",
        )
    shared = Counter(found.values())
    return [
        Item(path, printable(name if shared[name] == 1 else path.as_posix()))
        for path, name in found.items()
    ]


class _Backends:
    """Loads each backend once per kind of media, when first needed."""

    def __init__(self, factories: Mapping[str, BackendFactory], stack: ExitStack) -> None:
        self._factories = factories
        self._stack = stack
        self._loaded: dict[tuple[str, bool], FaceBackend] = {}

    def fresh(self, *, still: bool) -> dict[str, FaceBackend]:
        """Return the backends by name, without memory of an earlier file."""
        for name, factory in self._factories.items():
            if (name, still) not in self._loaded:
                backend = factory(still=still)
                self._stack.callback(backend.close)
                self._loaded[name, still] = backend
        ready = {name: self._loaded[name, still] for name in self._factories}
        for backend in ready.values():
            backend.reset()
        return ready


class Analysis:
    """One batch: its backends, its settings and where it reports to."""

    def __init__(
        self,
        backends: Mapping[str, BackendFactory],
        *,
        clock: Clock,
        every: int = 1,
        threads: int = 1,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        """Describe a batch.

        Args:
            backends: by the name that their rows carry; more than one look at the same frames.
            clock: measures how long it took.
            every: look at each n-th frame of a video only.
            threads: of the video decoder.
            progress: hears of each frame and of each file's outcome.

        Raises:
            ConfigError: no backend, or a step under 1.
        """
        if not backends:
            raise ConfigError("no backend was named")
        if every < 1:
            raise ConfigError("the step between frames must be 1 or more")
        self._factories = backends
        self._clock = clock
        self._every = every
        self._threads = threads
        self._progress = progress

    def run(
        self, paths: Sequence[Path], out: Path, *, settings: Mapping[str, str] | None = None
    ) -> Report:
        """Analyze files into one table, going on from an interrupted run of the same settings.

        Args:
            paths: pictures, videos and folders.
            out: `.csv`, `.parquet` or `.jsonl`; replaced when the batch is through.
            settings: whatever else changes rows, such as the models' identity.

        Raises:
            ConfigError: nothing to do, or an unknown format.
            ModelError: a backend can't be loaded.
            StoreError: the disk refuses.
        """
        writer = table_writer(out)
        items = find_items(paths)
        files = [item.path for item in items]
        job = Job(out, self._settings(settings or {}))
        whole = job.whole(files)
        if whole is not None:
            return Report(out, tuple(whole), len(whole), 0.0, 0, None)
        started = self._clock.monotonic()
        earlier = [job.finished(path) for path in files]
        outcomes = self._look_at_all(items, earlier, job)
        usable = zip(files, outcomes, strict=True)
        parts = [job.part(path) for path, outcome in usable if outcome.status != "failed"]
        comparison = self._assemble(parts, writer)
        if all(outcome.complete for outcome in outcomes):
            job.finish(files)
        pairs = zip(earlier, outcomes, strict=True)
        return Report(
            out=out,
            outcomes=tuple(outcomes),
            resumed=sum(outcome is not None for outcome in earlier),
            seconds=self._clock.monotonic() - started,
            frames=sum(now.frames for before, now in pairs if before is None),
            comparison=comparison,
        )

    def _settings(self, settings: Mapping[str, str]) -> dict[str, str]:
        columns = hashlib.sha256(",".join(NAMES).encode()).hexdigest()[:12]
        own = {"columns": columns, "every": str(self._every), "backends": ",".join(self._factories)}
        return {**own, **settings}

    def _look_at_all(
        self, items: Sequence[Item], earlier: Sequence[Outcome | None], job: Job
    ) -> list[Outcome]:
        outcomes: list[Outcome] = []
        with ExitStack() as stack:
            backends = _Backends(self._factories, stack)
            for index, (item, before) in enumerate(zip(items, earlier, strict=True)):
                report = partial(self._tell, index, len(items), item.source)
                outcome = before or self._look_at_file(item, job, backends, report)
                outcomes.append(outcome)
                report(outcome.frames, None, outcome)
        return outcomes

    def _tell(
        self,
        index: int,
        files: int,
        source: str,
        frames: int,
        expected: int | None,
        outcome: Outcome | None = None,
    ) -> None:
        if self._progress is not None:
            self._progress(Progress(index, files, source, frames, expected, outcome))

    def _look_at_file(
        self, item: Item, job: Job, backends: _Backends, report: Callable[[int, int | None], None]
    ) -> Outcome:
        try:
            still = file_type(item.path) is not FileType.VIDEO
            with self._source(item.path, still=still) as source:
                looker = _Looker(item.source, backends.fresh(still=still), still=still)
                with PartWriter(job.part(item.path)) as table:
                    self._look_at_frames(source, looker, table, report)
                outcome = looker.outcome(source)
        except MediaError as error:
            outcome = Outcome(item.source, "failed", 0, 0, printable(str(error)))
        job.record(item.path, outcome)
        return outcome

    def _source(self, path: Path, *, still: bool) -> FrameSource:
        if still:
            return PictureSource([path])
        address = Address(Kind.FILE, str(path), path.name)
        return OpenCvSource(address, clock=self._clock, threads=self._threads)

    def _look_at_frames(
        self,
        source: FrameSource,
        looker: _Looker,
        table: PartWriter,
        report: Callable[[int, int | None], None],
    ) -> None:
        expected = -(-source.frame_count // self._every) or None
        buffer: Picture | None = None
        while (frame := source.read(buffer)) is not None:
            buffer = frame.pixels
            try:
                table.write(looker.rows(frame))
            finally:
                frame.wipe()
            report(looker.frames, expected)
            if not all(source.skip() for _ in range(self._every - 1)):
                break

    def _assemble(self, parts: Sequence[Path], writer: TableWriter) -> Comparison | None:
        """Join the files' rows, in the batch's order, into the output."""
        names = list(self._factories)
        comparer = Comparer(names[0], names[1]) if len(names) > 1 else None
        with writer:
            for part in parts:
                for rows in read_part(part):
                    writer.write(rows)
                    if comparer is not None:
                        comparer.add(rows)
        return comparer.result() if comparer is not None else None


class _Looker:
    """Looks at one file's frames with every backend and counts what was seen."""

    def __init__(self, source: str, backends: Mapping[str, FaceBackend], *, still: bool) -> None:
        self.frames = 0
        self.faces = 0
        self._source = source
        self._backends = backends
        self._still = still
        self._numbers = {name: FaceNumbers() for name in backends}

    def rows(self, frame: Frame) -> list[Row]:
        """Return a frame's rows, one backend after the other."""
        found: list[Row] = []
        for place, (name, backend) in enumerate(self._backends.items()):
            rows = to_rows(
                backend.look(frame),
                frame=frame.sequence + 1,
                timestamp=None if self._still else frame.captured_at_ns / NS_PER_SECOND,
                source=self._source,
                backend=name,
                numbers=self._numbers[name],
            )
            # Of several backends the first one's faces are the file's count.
            self.faces += count_faces(rows) if place == 0 else 0
            found += rows
        self.frames += 1
        return found

    def outcome(self, source: FrameSource) -> Outcome:
        """Return the file's outcome after its last frame."""
        if not source.truncated:
            return Outcome(self._source, "done", self.frames, self.faces)
        message = (
            f"{self._source} stops early: it promises {source.frame_count} frames; "
            "the rows up to there are kept"
        )
        return Outcome(self._source, "truncated", self.frames, self.faces, message)
