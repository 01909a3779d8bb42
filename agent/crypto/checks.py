"""Do the vault and the public side belong together, in every half and both ways?

Pure: compares what was opened with what was read. A recipient that somebody slipped in, a file
brought back from last month, a device that isn't ours: each is one sentence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from agent.crypto.keys import PublicKeys
from agent.crypto.vault import Vault, WrappedEpoch
from agent.crypto.wrapping import WrappingKey, public_half
from agent.errors import PassphraseWrong


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was compared.

    Attributes:
        matching: epochs whose halves belong together.
        destroyed: epochs that are over and whose private half is gone.
        problems: what is wrong, one sentence each; empty when all is well.
    """

    matching: int
    destroyed: tuple[str, ...]
    problems: tuple[str, ...]


def compare(
    vault: Vault, wrapping: WrappingKey, public: PublicKeys, signer: bytes | None, now: datetime
) -> Comparison:
    """Compare an opened vault with the public side.

    Args:
        vault: as read from its file.
        wrapping: that opened it.
        public: as read from `public.toml`.
        signer: public half of `device.pem`; None where it can't be read.
        now: aware UTC.
    """
    halves = {epoch.id: _half(epoch, wrapping) for epoch in vault.epochs}
    listed = {epoch.id for epoch in public.epochs}
    own = [epoch for epoch in public.epochs if halves.get(epoch.id) == epoch.public_key]
    gone = [e for e in public.epochs if e.id not in halves]
    problems = [
        *_root_problems(vault, public),
        *(f"the vault's entry of epoch {i} is damaged" for i, half in halves.items() if not half),
        *(
            f"epoch {e.id} in public.toml has another key than the vault"
            for e in public.epochs
            if halves.get(e.id) and halves[e.id] != e.public_key
        ),
        *(
            f"epoch {e.id} in public.toml has no private half: what is sealed to it, nobody here "
            "can open"
            for e in gone
            if e.valid_to > now
        ),
        *(
            f"epoch {e.id} is in the vault but not in public.toml: finish with `omokage keys "
            "extend`, or bring the newest public.toml"
            for e in vault.epochs
            if e.id not in listed and e.valid_to > now
        ),
        *_times_problems(vault, public),
    ]
    if signer is not None and not public.devices.accepts(signer):
        problems.append("device.pem isn't the key that public.toml names")
    destroyed = tuple(e.id for e in gone if e.valid_to <= now)
    return Comparison(len(own), destroyed, tuple(problems))


def _half(epoch: WrappedEpoch, wrapping: WrappingKey) -> bytes | None:
    try:
        return public_half(wrapping.seed(epoch))
    except PassphraseWrong:
        return None


def _root_problems(vault: Vault, public: PublicKeys) -> Iterator[str]:
    if vault.root is None:
        return
    if public.device != vault.root.devices.device:
        yield "public.toml is of another device than the vault"
    if public.root is None:
        yield "public.toml isn't signed, although the vault has a root key"
    elif public.root != vault.root.public:
        yield "public.toml is signed by another root key than the vault's"
    elif public.serial < vault.root.serial:
        yield (
            "public.toml is older than the vault: an earlier file was brought back, or a change "
            "stopped half-way"
        )
    elif public.serial > vault.root.serial:
        yield "the vault is older than public.toml: an earlier copy was brought back"
    if public.devices.keys != vault.root.devices.keys:
        yield "public.toml names other verification keys of the device than the vault"
    if sum(key.valid_to is None for key in vault.root.devices.keys) > 1:
        yield "the device has two signing keys: a rotation stopped half-way, give it again"


def _times_problems(vault: Vault, public: PublicKeys) -> Iterator[str]:
    spans = {epoch.id: (epoch.valid_from, epoch.valid_to) for epoch in vault.epochs}
    for epoch in public.epochs:
        if spans.get(epoch.id, (epoch.valid_from, epoch.valid_to)) != (
            epoch.valid_from,
            epoch.valid_to,
        ):
            yield f"epoch {epoch.id} has other times in public.toml than in the vault"
