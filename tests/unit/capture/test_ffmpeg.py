"""FFmpeg gets its limits, and an operator's own options stay."""

from __future__ import annotations

from agent.capture.ffmpeg import FILES, LEVEL, OPTIONS, STREAMS, TCP_FIRST, restrict


def test_no_format_that_names_other_files_is_allowed() -> None:
    """Playlists, session descriptions and picture sequences aren't on the list."""
    followers = {"hls", "applehttp", "dash", "concat", "sdp", "image2", "imf", "rtp", "lavfi"}

    assert set() == followers & {*FILES, *STREAMS}


def test_the_operators_options_stay_and_ours_win() -> None:
    """What the operator set is kept in front of ours; FFmpeg takes the last of two equal names."""
    environ = {OPTIONS: "rtsp_transport;udp|protocol_whitelist;file,gopher"}

    restrict(environ)
    once = dict(environ)
    restrict(environ)

    pairs = [pair.split(";") for pair in environ[OPTIONS].split("|")]
    assert ["rtsp_transport", "udp"] == pairs[0]
    assert "gopher" not in dict(pairs)["protocol_whitelist"]  # type: ignore[arg-type]
    assert once == environ


def test_without_options_rtsp_prefers_tcp() -> None:
    """Setting the variable at all switches OpenCV's own default off, so it is set again."""
    environ: dict[str, str] = {}

    restrict(environ)

    assert environ[OPTIONS].startswith(TCP_FIRST + "|")
    assert "-8" == environ[LEVEL]
