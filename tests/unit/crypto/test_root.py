"""What people compare: the fingerprint, and the paper form that it stands on."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from agent.crypto.paper import paper_form
from agent.crypto.root import check, fingerprint
from agent.errors import ConfigError
from tests.sealing import NOW, keyset


def test_a_fingerprint_is_the_same_for_ever() -> None:
    """It stands on paper: its spelling must never change."""
    assert fingerprint(bytes(32)) == "5XHA-8J6D-EK8A-KDNA-V83C"
    assert fingerprint(bytes(range(32))) != fingerprint(bytes(32))


def test_a_fingerprint_has_no_letter_that_is_misread() -> None:
    """Five groups of four, without I, L, O and U."""
    for device in ("camera-1", "camera-2", "camera-3"):
        words = fingerprint(keyset(device).public.root)
        assert re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{4}-){4}[0-9A-HJKMNP-TV-Z]{4}", words)


def test_one_bit_changes_the_whole_fingerprint() -> None:
    """A root that is nearly the same looks different at once."""
    own = keyset().public.root
    near = bytes([own[0] ^ 1]) + own[1:]
    groups = zip(fingerprint(own).split("-"), fingerprint(near).split("-"), strict=True)

    assert sum(a != b for a, b in groups) >= 4


@pytest.mark.parametrize("part", ["root", "signature", "statement"])
def test_a_statement_that_was_not_signed_is_refused(part: str) -> None:
    """Another root, another signature, other words: each is refused with advice."""
    public, other = keyset().public, keyset("camera-2").public
    given = {"root": public.root, "signature": public.signature, "statement": public.statement()}
    foreign = {"root": other.root, "signature": other.signature, "statement": other.statement()}
    check(**given, name="public.toml")

    with pytest.raises(ConfigError, match=r"public\.toml was changed"):
        check(**{**given, part: foreign[part]}, name="public.toml")


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_root_of_an_odd_length_is_refused(length: int) -> None:
    """Bytes that are no key at all are a refusal and not a crash."""
    public = keyset().public

    with pytest.raises(ConfigError):
        check(bytes(length), public.signature, public.statement(), "public.toml")


def test_a_paper_form_has_what_people_need() -> None:
    """Whose keys, until when, when to renew, how many persons; nothing secret."""
    public = keyset().public

    form = paper_form(public, persons=2, now=NOW)

    assert (form.device, form.persons, form.epochs, form.made_at) == ("camera-1", 2, 3, NOW)
    assert form.fingerprint == fingerprint(public.root)
    assert (form.first_epoch, form.last_epoch) == (public.epochs[0].id, public.epochs[-1].id)
    assert form.valid_until == public.epochs[-1].valid_to
    assert form.extend_by == form.valid_until - timedelta(days=28)


def test_a_paper_form_of_unsigned_keys_is_refused() -> None:
    """Without a root there is nothing to compare the paper with."""
    public = keyset().public

    for lacking in (replace(public, root=None), replace(public, epochs=())):
        with pytest.raises(ConfigError):
            paper_form(lacking, persons=1, now=NOW)
