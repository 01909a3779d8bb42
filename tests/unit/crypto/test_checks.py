"""Every way in which vault and public side can disagree is found and named."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from agent.crypto.checks import Comparison, compare
from agent.crypto.devices import DeviceKey, DeviceKeys
from agent.crypto.keys import PublicKeys
from agent.crypto.vault import Vault
from agent.crypto.wrapping import open_wrapping
from tests.sealing import NOW, PASSPHRASE, keyset

VAULT, PUBLIC = keyset().vault, keyset().public
OTHER = keyset("camera-2").public
FIRST, SECOND, THIRD = PUBLIC.epochs
LATER = NOW + timedelta(weeks=1)


def look(vault: Vault = VAULT, public: PublicKeys = PUBLIC, **more) -> Comparison:
    """Compare, with the passphrase."""
    wrapping = open_wrapping(VAULT, PASSPHRASE)
    return compare(vault, wrapping, public, **{"signer": None, "now": NOW, **more})


def test_what_belongs_together_has_no_problem() -> None:
    """Each half is compared, and counted."""
    assert Comparison(3, (), ()) == look(signer=PUBLIC.verify_key)


@pytest.mark.parametrize(
    ("public", "words"),
    [
        (replace(PUBLIC, epochs=(FIRST, SECOND)), "in the vault but not in public.toml"),
        (replace(PUBLIC, epochs=(*PUBLIC.epochs[:2], OTHER.epochs[2])), "has no private half"),
        (replace(PUBLIC, epochs=(replace(FIRST, public_key=OTHER.epochs[0].public_key), SECOND,
                                 THIRD)), "another key than the vault"),
        (replace(PUBLIC, epochs=(replace(FIRST, valid_to=NOW), SECOND, THIRD)), "other times"),
        (replace(PUBLIC, root=None, signature=None), "isn't signed"),
        (replace(PUBLIC, root=OTHER.root), "another root key"),
        (replace(PUBLIC, serial=0), "older than the vault"),
        (replace(PUBLIC, serial=2), "vault is older"),
        (replace(PUBLIC, devices=OTHER.devices), "another device"),
        (replace(PUBLIC, devices=DeviceKeys("camera-1", (DeviceKey(bytes(32), NOW),))),
         "other verification keys"),
    ],
)  # fmt: skip
def test_a_public_side_that_differs_is_named(public: PublicKeys, words: str) -> None:
    """A recipient slipped in or left out, an exchanged or older file: one sentence each."""
    found = look(public=public)

    assert [words in problem for problem in found.problems].count(True) == 1


def test_a_damaged_entry_is_named() -> None:
    """An entry that doesn't open is no private half."""
    damaged = replace(VAULT.epochs[0], wrapped=bytes(124))

    found = look(replace(VAULT, epochs=(damaged, *VAULT.epochs[1:])))

    assert found.problems == (f"the vault's entry of epoch {FIRST.id} is damaged",)
    assert found.matching == 2


def test_a_destroyed_week_is_no_problem_once_it_is_over() -> None:
    """Its public half may stay listed; while the week lasts, it is one."""
    rest = VAULT.without(frozenset({FIRST.id}))

    assert look(rest, now=LATER).problems == ()
    assert look(rest, now=LATER).destroyed == (FIRST.id,)
    assert "no private half" in look(rest).problems[0]


def test_a_foreign_signing_key_is_named() -> None:
    """A device.pem that public.toml doesn't name signs in nobody's name."""
    (problem,) = look(signer=OTHER.verify_key).problems

    assert "device.pem" in problem


def test_a_rotation_that_stopped_half_way_is_named() -> None:
    """Two signing keys without an end: the command is to be given again."""
    devices = DeviceKeys("camera-1", (*PUBLIC.devices.keys, DeviceKey(bytes(32), NOW)))
    vault = replace(VAULT, root=replace(VAULT.root, devices=devices))

    (problem,) = look(vault, replace(PUBLIC, devices=devices)).problems

    assert "two signing keys" in problem
