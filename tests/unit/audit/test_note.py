"""Signed notes: what another program signed is read, and whatever was changed is refused."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.audit.note import Verifier, parse_note, parse_verifier, sign_note
from tests.logs import OTHER_SIGNER, SIGNER, VERIFY_KEY

# Source: the example key and note in the documentation of golang.org/x/mod/sumdb/note.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_SEED = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
GO_NOTE = (
    GO_TEXT + "\n\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZ"
    "SNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
VERIFIER = Verifier("omokage/log", VERIFY_KEY)
NOTE = sign_note("one\ntwo\n", "omokage/log", SIGNER)


def test_a_note_of_another_program_is_verified() -> None:
    """A note that Go's implementation signed verifies with the key as Go writes it."""
    assert parse_note(GO_NOTE).signed_by(parse_verifier(GO_KEY))


def test_our_notes_are_byte_for_byte_those_of_another_program() -> None:
    """Signing the same text with the same key gives Go's bytes."""
    signer = Ed25519PrivateKey.from_private_bytes(base64.b64decode(GO_SEED)[1:])

    assert GO_NOTE == sign_note(GO_TEXT, "PeterNeumann", signer)


def test_a_verifier_key_survives_being_written() -> None:
    """What `text` writes, `parse_verifier` reads."""
    assert VERIFIER == parse_verifier(VERIFIER.text())
    assert GO_KEY == parse_verifier(GO_KEY).text()


def test_a_changed_text_is_refused() -> None:
    """One letter of the text breaks the signature."""
    assert parse_note(NOTE).signed_by(VERIFIER)
    assert not parse_note(NOTE.replace("two", "twp")).signed_by(VERIFIER)


def test_another_key_of_the_same_name_is_refused() -> None:
    """A note that somebody else signed under our name isn't ours."""
    forged = sign_note("one\ntwo\n", "omokage/log", OTHER_SIGNER)

    assert not parse_note(forged).signed_by(VERIFIER)


def test_another_name_with_our_key_is_refused() -> None:
    """The key's name is part of who signed."""
    assert not parse_note(sign_note("a\n", "omokage/other", SIGNER)).signed_by(VERIFIER)


def test_a_forged_key_id_is_refused() -> None:
    """A signature of another key under our key id is a bad signature."""
    forged = OTHER_SIGNER.sign(b"one\ntwo\n")
    line = base64.b64encode(VERIFIER.key_id + forged).decode()

    assert not parse_note(f"one\ntwo\n\n\u2014 omokage/log {line}\n").signed_by(VERIFIER)


def test_a_witness_beside_our_signature_is_left_alone() -> None:
    """Lines of unknown keys are ignored, as the specification asks."""
    witnessed = NOTE + sign_note("one\ntwo\n", "witness", OTHER_SIGNER).rpartition("\n\n")[2]

    assert parse_note(witnessed).signed_by(VERIFIER)


def test_a_bad_signature_beside_a_good_one_spoils_the_note() -> None:
    """If one signature of a known key doesn't fit, the note is refused."""
    bad = base64.b64encode(VERIFIER.key_id + bytes(64)).decode()

    assert not parse_note(NOTE + f"\u2014 omokage/log {bad}\n").signed_by(VERIFIER)


def test_an_unusable_key_verifies_nothing() -> None:
    """Bytes that aren't a key are no reason to crash, and no reason to believe."""
    short = Verifier("omokage/log", VERIFY_KEY[:31])
    line = base64.b64encode(short.key_id + bytes(64)).decode()

    assert not parse_note(f"one\ntwo\n\n\u2014 omokage/log {line}\n").signed_by(short)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text\n",
        "text\n\n",
        GO_NOTE[:-1],
        GO_NOTE.replace("\u2014", "-"),
        GO_NOTE.replace("x08go", "x08g!"),
        GO_NOTE.replace(" PeterNeumann", ""),
        "a\tb\n\n" + GO_NOTE.rpartition("\n\n")[2],
        "text\n\n\u2014 name AAAA\n",
        "text\n\n" + "\u2014 name AAAAAAAA\n" * 65,
    ],
)
def test_what_is_no_note_is_refused(note: str) -> None:
    """A note has a text, a blank line and signature lines, and nothing else."""
    with pytest.raises(ValueError, match="note"):
        parse_note(note)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u3000b"])
def test_a_name_that_can_not_stand_in_a_note_is_refused(name: str) -> None:
    """Spaces and plus signs would make the line ambiguous."""
    with pytest.raises(ValueError, match="name"):
        sign_note("a\n", name, SIGNER)


@pytest.mark.parametrize("text", ["", "no end", "bell\a\n"])
def test_a_text_that_can_not_stand_in_a_note_is_refused(text: str) -> None:
    """A note's text ends in a newline and has no control character."""
    with pytest.raises(ValueError, match="lines of text"):
        sign_note(text, "name", SIGNER)


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "a+b", "a+b+c", GO_KEY[:-1], GO_KEY[1:], GO_KEY.replace("c74f", "c74e"),
        GO_KEY.replace("+AR", "+BR"), "PeterNeumann+c74f20a3+AQ==",
    ],
)  # fmt: skip
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    """A key whose id doesn't fit, or that isn't one, is refused."""
    with pytest.raises(ValueError, match="verifier key"):
        parse_verifier(text)
