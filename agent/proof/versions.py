"""Which program was tried: versions, and the hashes of the models that ran."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def versions(*, mediapipe: bool) -> dict[str, str]:
    """Return name and version of everything that touches a frame."""
    names = ["omokage", "onnxruntime", "opencv-python-headless", "numpy"]
    if mediapipe:
        names.append("mediapipe")
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    libc = " ".join(platform.libc_ver()).strip() or "unknown"
    return found | {"python": platform.python_version(), "libc": libc}


def model_hashes(models: Path, task_file: Path | None, ran: Iterable[str]) -> list[tuple[str, str]]:
    """Return name and SHA-256 of the files that ran.

    Args:
        models: folder of the own models.
        task_file: MediaPipe's model, where that ran.
        ran: identifiers in the agent's report, `NAME@first eight digits`.
    """
    if task_file is not None:
        return [(task_file.name, _sha256(task_file))]
    wanted = {identifier.partition("@")[0]: identifier for identifier in ran}
    hashes = ((path.stem, _sha256(path)) for path in sorted(models.glob("*.onnx")))
    return [(n, digest) for n, digest in hashes if wanted.get(n) == f"{n}@{digest[:8]}"]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
