"""What FFmpeg may do inside OpenCV: which containers and protocols it may open, and what it says.

OpenCV hands the options of one environment variable to FFmpeg for whatever it opens, so they hold
for the whole process. None of the containers below can name another file or machine: playlists
(HLS, DASH, concat), session descriptions (SDP) and picture sequences are left out on purpose, for
files and for network cameras alike.

Source: FFmpeg's `protocol_whitelist` and `format_whitelist` (libavformat, AVFormatContext).
"""

from __future__ import annotations

from collections.abc import MutableMapping

OPTIONS, LEVEL = "OPENCV_FFMPEG_CAPTURE_OPTIONS", "OPENCV_FFMPEG_LOGLEVEL"
FILES = (
    "mov", "mp4", "m4a", "3gp", "3g2", "mj2", "matroska", "webm", "avi", "mpeg", "mpegvideo", "asf",
    "flv",
)  # fmt: skip
STREAMS = ("rtsp", "mpjpeg", "mjpeg", "jpeg_pipe", "mpegts", "h264", "hevc")
PROTOCOLS = (
    "file", "rtsp", "rtp", "srtp", "udp", "tcp", "tls", "http", "https", "httpproxy", "crypto",
)  # fmt: skip
TCP_FIRST = "rtsp_flags;prefer_tcp"
"""OpenCV's own default, lost once the variable is set: over UDP, pictures come with holes."""
SILENT = "-8"


def restrict(environ: MutableMapping[str, str]) -> None:
    """Set the options, before OpenCV opens anything; those that the operator set are kept.

    Ours come last, so they win where both name the same one.

    Args:
        environ: of the process.
    """
    # FFmpeg's own messages carry addresses; its level is read when the first file is opened.
    environ.setdefault(LEVEL, SILENT)
    ours = (
        f"protocol_whitelist;{','.join(PROTOCOLS)}|format_whitelist;{','.join((*FILES, *STREAMS))}"
    )
    theirs = environ.get(OPTIONS) or TCP_FIRST
    if not theirs.endswith(ours):
        environ[OPTIONS] = f"{theirs}|{ours}"
