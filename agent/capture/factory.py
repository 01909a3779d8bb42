"""Turns what an operator writes into a source, and says it back without its password.

| written | opened |
|---|---|
| `0`, `1`, ... | camera by number |
| `/dev/video0` | camera by device (Linux) |
| `rtsp://...`, `rtsps://...`, `http://...`, `https://...` | network camera |
| a file's path | video, or one picture |
| a folder's path | its pictures, in natural order |
| `demo` | the bundled synthetic clip, as a camera that never ends |
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from agent.capture.files import PICTURE_SUFFIXES, PictureSource, media_files
from agent.capture.opencv import Address, Kind, OpenCvSource
from agent.capture.replay import ReplaySource
from agent.errors import ConfigError

if TYPE_CHECKING:
    from agent.capture.source import FrameSource
    from agent.clock import Clock

DEMO = "demo"
DEMO_CLIP = Path(__file__).resolve().parent.parent / "demo" / "clip.mp4"
_SCHEMES = frozenset({"rtsp", "rtsps", "http", "https"})
_ADVICE = (
    "Write a camera's number (0), a device (/dev/video0), an address (rtsp://...), a file, a "
    "folder of pictures, or the word demo."
)


def safe_name(spec: str) -> str:
    """Return a form of an address that may be shown and logged.

    User, password, query and fragment of an address are left out, since tokens live there; of a
    file only its own name is kept.
    """
    scheme, separator, rest = spec.strip().partition("://")
    if not separator:
        return spec.strip().replace("\\", "/").rstrip("/").rpartition("/")[2] or spec.strip()
    # Not urlsplit: an address that is malformed must lose its password too.
    place = rest.partition("?")[0].partition("#")[0].rpartition("@")[2]
    return f"{scheme}://{place}"


def open_source(spec: str, *, clock: Clock, loop: bool = False, paced: bool = False) -> FrameSource:
    """Return the source that a spec names; use it in `with`, or hand it to `LatestFrame`.

    Args:
        spec: see this module's table.
        clock: stamps live frames.
        loop: play files as a camera that begins again at their end.
        paced: play a video at its own speed, pictures one a second; `loop` implies it.

    Raises:
        ConfigError: the spec names nothing that could be opened.
    """
    spec = spec.strip()
    if not spec or "\x00" in spec:
        raise ConfigError("the source is empty", advice=_ADVICE)
    if spec == DEMO:
        return ReplaySource(_video(DEMO_CLIP, clock), clock=clock, loop=True)
    live = _live_address(spec)
    if live is not None:
        return OpenCvSource(live, clock=clock)
    return _from_path(Path(spec), clock=clock, loop=loop, paced=paced or loop)


def _live_address(spec: str) -> Address | None:
    """Return the address of a camera or a stream, or None where the spec is a path."""
    if spec.isascii() and spec.isdecimal():
        return Address(Kind.INDEX, str(int(spec)), f"camera {int(spec)}")
    if spec.startswith("/dev/"):
        return Address(Kind.DEVICE, spec, spec)
    if "://" not in spec:
        return None
    label = safe_name(spec)
    try:
        parts = urlsplit(spec)
        usable = parts.scheme.lower() in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(f"{label} isn't an address of a camera", advice=_ADVICE)
    return Address(Kind.URL, spec, label)


def _from_path(path: Path, *, clock: Clock, loop: bool, paced: bool) -> FrameSource:
    if path.is_dir():
        pictures = [p for p in media_files(path) if p.suffix.lower() in PICTURE_SUFFIXES]
        if not pictures:
            raise ConfigError(f"the folder {path.name} holds no picture", advice=_ADVICE)
    elif not path.is_file():
        raise ConfigError(f"{path.name} is neither a camera nor a file", advice=_ADVICE)
    elif path.suffix.lower() in PICTURE_SUFFIXES:
        pictures = [path]
    else:
        pictures = []
    file = PictureSource(pictures) if pictures else _video(path, clock)
    return ReplaySource(file, clock=clock, loop=loop) if paced else file


def _video(path: Path, clock: Clock) -> OpenCvSource:
    return OpenCvSource(Address(Kind.FILE, str(path), path.name), clock=clock)
