"""Checkpoints: the specification's example, what is found in a mail, and what isn't one."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest

from agent.audit.checkpoint import (
    Checkpoint,
    checkpoint_due,
    find_checkpoints,
    origin_of,
    parse_checkpoint,
    sign_checkpoint,
    verifier_of,
)
from agent.audit.note import parse_note, sign_note
from tests.logs import OTHER_SIGNER, SIGNER, START, VERIFY_KEY

ORIGIN = origin_of(bytes(16))
CHECKPOINT = Checkpoint(ORIGIN, 17, bytes(range(32)))
NOTE = sign_checkpoint(CHECKPOINT, SIGNER)


def test_the_example_of_the_specification_is_read() -> None:
    """The note in C2SP tlog-checkpoint has this origin, size and root."""
    # Source: C2SP tlog-checkpoint; its key isn't published there.
    example = (
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        "\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7"
        "u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    )

    read = parse_checkpoint(example, "here").checkpoint

    assert ("example.com/behind-the-sofa", 20852163) == (read.origin, read.size)
    assert base64.b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=") == read.root
    assert example.startswith(read.text())


def test_a_checkpoint_survives_being_signed() -> None:
    """What is signed is read again, and its signature fits under its origin's name."""
    read = parse_checkpoint(NOTE, "here")

    assert CHECKPOINT == read.checkpoint
    assert parse_note(NOTE).signed_by(verifier_of(CHECKPOINT, VERIFY_KEY))


@pytest.mark.parametrize(
    "text",
    [
        "origin\n1\n",
        "origin\n\n1\n",
        "origin\n01\n" + "A" * 43 + "=\n",
        "origin\n-1\n" + "A" * 43 + "=\n",
        "origin\n\u0661\n" + "A" * 43 + "=\n",
        "origin\n1\nAAAA\n",
        "origin\n1\n!" + "A" * 42 + "=\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    """A checkpoint has an origin, a plain number and 32 bytes of base64."""
    with pytest.raises(ValueError, match="checkpoint"):
        parse_checkpoint(sign_note(text, "origin", SIGNER), "here")


def test_checkpoints_are_found_in_a_mail() -> None:
    """Text around them, indentation and Windows' line ends don't matter."""
    mail = ("Dear auditor,\n\n" + NOTE + "\nand the day before\n\n" + NOTE).replace("\n", "\r\n  ")

    found = find_checkpoints(mail, "mail")

    assert [CHECKPOINT, CHECKPOINT] == [witness.checkpoint for witness in found]
    assert all(w.note and w.note.signed_by(verifier_of(CHECKPOINT, VERIFY_KEY)) for w in found)


def test_three_lines_from_paper_are_a_checkpoint() -> None:
    """Who typed them from paper needn't type the signature."""
    (found,) = find_checkpoints(CHECKPOINT.text(), "paper")

    assert CHECKPOINT == found.checkpoint
    assert found.note is None


@pytest.mark.parametrize("size", ["007", "-7", "7x", "1" * 30])
def test_a_size_that_is_no_number_is_not_found(size: str) -> None:
    """A mistyped size isn't guessed."""
    assert [] == find_checkpoints(CHECKPOINT.text().replace("\n17\n", f"\n{size}\n"), "paper")


def test_a_broken_signature_is_not_taken_for_none() -> None:
    """A signature line that can't be read makes a checkpoint that nobody signed."""
    (found,) = find_checkpoints(NOTE[:-20] + "!!\n", "file")

    assert found.note is not None
    assert not found.note.signed_by(verifier_of(CHECKPOINT, VERIFY_KEY))


def test_another_devices_signature_is_refused() -> None:
    """The signature is checked with the key of this device."""
    forged = parse_note(sign_checkpoint(CHECKPOINT, OTHER_SIGNER))

    assert not forged.signed_by(verifier_of(CHECKPOINT, VERIFY_KEY))


@pytest.mark.parametrize(
    ("hours", "due"), [(0, False), (23.9, False), (24, True), (400, True), (-0.1, True)]
)
def test_a_checkpoint_is_due_each_day_and_after_the_clock_was_set_back(
    hours: float, due: bool
) -> None:
    """A clock that was set back doesn't put the next checkpoint off."""
    assert due == checkpoint_due(START + timedelta(hours=hours), START)


def test_the_first_checkpoint_is_due_at_once() -> None:
    """A log that was never signed is signed as soon as somebody looks."""
    assert checkpoint_due(START, None)
