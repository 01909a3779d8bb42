"""A certificate says what was found, and nobody can change it after it was signed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agent.cli.main import main
from agent.config.site import Site
from agent.config.words import load_words
from agent.crypto.create import write_keys
from agent.crypto.keys import load_signer
from agent.errors import ConfigError, ProofBroken
from agent.proof.certificate import About, Certificate, read_certificate, sign, state
from agent.proof.controls import Control
from agent.proof.detect import Hit
from agent.proof.experiment import Finding, Look
from agent.proof.marks import Kind
from agent.proof.signer import find_signer, known_device
from agent.proof.surroundings import Place
from agent.proof.text import WORDS, render
from tests.sealing import keyset

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
HIT = Hit(4096, 1024, "pixels", Kind.FACE)


def finding(left: tuple[Hit, ...] = (), written: tuple[Hit, ...] = ()) -> Finding:
    """Return what a proof found: a frame in flight, and afterwards what is named."""
    looks = (
        Look("in flight: face", 10 << 20, 5, 0, 0, 0, (("anonymous", HIT), ("anonymous", HIT))),
        Look("stopped", 10 << 20, 5, 0, 0, 0, tuple(("heap", hit) for hit in left)),
    )
    controls = (
        Control("aligned face", Kind.FACE, "pixels", 12544, found=True, required=True),
        Control("64 bytes", Kind.NOISE, "bgr", 64, found=True, required=False),
        Control("32 bytes", Kind.NOISE, "bgr", 32, found=True, required=False),
        Control("16 bytes", Kind.NOISE, "bgr", 16, found=False, required=False),
    )
    return Finding(
        seed=5,
        sent={Kind.FACE: 60},
        health={"faces": 50, "ticks": {"proof": {"ok": 50, "no_face": 4, "camera_lost": 9}}},
        controls=controls,
        looks=looks,
        places=(Place("temporary", 3, 4096, 1, written),),
        settings={"core_limit": "0", "dumpable": 0, "core_pattern": "core", "swap_areas": 0,
                  "overwrites_freed": True},
    )  # fmt: skip


def certificate(key: Ed25519PrivateKey | None = KEY, **found: Any) -> Certificate:
    """Return a certificate about a finding."""
    about = About("2026-11-27T03:00:00+00:00", 42.0, "own", {"omokage": "0"}, [("net", "ab" * 32)])
    return sign(state(finding(**found), about), key, "shop" if key else None)


def test_a_frame_in_flight_is_no_residue() -> None:
    """Only looks that must find nothing, and files, count as residue."""
    clean = certificate().statement
    left, written = certificate(left=(HIT,)).statement, certificate(written=(HIT, HIT)).statement

    assert (clean.result, clean.residue_bytes) == ("nothing found", 0)
    assert (left.result, left.residue_bytes) == ("residue found", 1024)
    assert (written.result, written.residue_bytes) == ("residue found", 2048)
    assert [1, 2] == [len(clean.looks[0].hits), clean.looks[0].hits[0].pieces]


def test_what_was_looked_at_and_how_small_is_told() -> None:
    """Ticks without a frame aren't counted as looks; the smallest piece is the last one found."""
    said = certificate().statement

    assert (said.frames_looked_at, said.faces_looked_at) == (54, 50)
    assert {"bgr": 32} == said.smallest_found


def test_a_signed_certificate_reads_back() -> None:
    """What is written verifies, and is the same statement."""
    written = certificate()

    assert written == read_certificate(written.to_json().encode(), "c.json")


def _changed(change: Any) -> bytes:
    table = json.loads(certificate(left=(HIT,)).to_json())
    change(table)
    return json.dumps(table).encode()


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t["statement"].update(result="nothing found", residue_bytes=0),
        lambda t: t["statement"]["looks"][1]["hits"].clear(),
        lambda t: t["statement"]["models"][0].update(sha256="cd" * 32),
        lambda t: t["statement"].update(seconds=41.0),
        lambda t: t["signature"].update(signature="AAAA"),
        lambda t: t["signature"].update(signature=None),
        lambda t: t["signature"].update(public_key=None),
        lambda t: t["signature"].update(public_key="not base64"),
    ],
)
def test_a_changed_certificate_is_refused(change: Any) -> None:
    """Any change of the statement or half a signature breaks it."""
    with pytest.raises(ProofBroken, match="changed after"):
        read_certificate(_changed(change), "c.json")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b"9" * 5000,
        b"x" * (1 << 21),
        _changed(lambda t: t.update(format="omokage-discard-certificate/2")),
        _changed(lambda t: t["statement"].update(extra=1)),
        _changed(lambda t: t["statement"].update(seconds=float("nan"))),
        _changed(lambda t: t["statement"].update(residue_bytes="0")),
    ],
)
def test_what_is_no_certificate_is_refused(content: bytes) -> None:
    """Anything else than the format ends in a sentence, not in a traceback."""
    with pytest.raises(ProofBroken, match=r"isn't a certificate|too large"):
        read_certificate(content, "c.json")


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_text_says_what_counts(language: str) -> None:
    """Both languages say the result, whether it is signed, and every limit."""
    words = load_words(language, WORDS)
    clean, unsigned = render(certificate(), words), render(certificate(None, left=(HIT,)), words)

    assert words("proof.clear") in clean
    assert "shop" in clean
    assert words("proof.residue", bytes=1024) in unsigned
    assert words("proof.signature.unsigned") in unsigned
    for limit in certificate().statement.limits:
        assert words(f"proof.limit.{limit}") in clean


def run(*arguments: str) -> Any:
    """Run `omokage prove-discard verify`."""
    return CliRunner().invoke(main, ["prove-discard", "verify", "--language", "en", *arguments])


def test_verify_tells_whose_word_it_is(tmp_path: Path) -> None:
    """The site's own key is recognised, another key isn't, and an unsigned file says so."""
    site = Site(tmp_path)
    write_keys(site, keyset())
    own = load_signer(site.device_key)
    file = tmp_path / "c.json"

    for key, expected in ((own, "one of this site's"), (KEY, "doesn't know it"), (None, "none")):
        file.write_text(certificate(key).to_json(), "utf-8")
        done = run("--site", str(tmp_path), str(file))
        assert done.exit_code == 0, done.output
        assert expected in done.output.splitlines()[-1]


def test_verify_ends_with_the_codes_that_are_documented(tmp_path: Path) -> None:
    """Residue is 11, a changed certificate is 12."""
    file = tmp_path / "c.json"
    file.write_text(certificate(left=(HIT,)).to_json(), "utf-8")
    assert run("--site", str(tmp_path), str(file)).exit_code == 11

    file.write_bytes(_changed(lambda t: t["statement"].update(residue_bytes=0)))
    assert run("--site", str(tmp_path), str(file)).exit_code == 12


def test_a_site_without_keys_signs_nothing(tmp_path: Path) -> None:
    """No device key, no signature; a key that public.toml doesn't name is refused."""
    assert (None, None) == find_signer(tmp_path)
    site = Site(tmp_path)
    write_keys(site, keyset())
    key, device = find_signer(tmp_path)

    assert key is not None
    assert device
    assert known_device(tmp_path, key.public_key().public_bytes_raw())
    assert not known_device(tmp_path, bytes(32))
    site.device_key.write_bytes(
        KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    with pytest.raises(ConfigError, match="isn't one that"):
        find_signer(tmp_path)
