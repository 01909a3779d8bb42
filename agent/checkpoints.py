"""Where the access log meets its judge: verify it, sign it, let its oldest entries go.

Nothing is signed and nothing is pruned that doesn't hold: each time the whole log is checked
first, against all checkpoints that lie in the database and beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.audit.checkpoint import (
    PRUNED,
    Checkpoint,
    Witness,
    checkpoint_due,
    find_checkpoints,
    origin_of,
    parse_checkpoint,
    sign_checkpoint,
)
from agent.audit.findings import Finding, Kind, Verdict
from agent.audit.merkle import EMPTY_ROOT, Tree
from agent.audit.note import Note
from agent.audit.verify import Pruned, verify
from agent.config.site import Site
from agent.crypto.keys import load_public, load_signer
from agent.domain.access import AccessEvent
from agent.domain.access_entry import entry_hash
from agent.errors import AuditBroken, ConfigError, StoreError
from agent.store.access_log import AccessLog, AccessReader, StoredCheckpoint
from agent.store.access_reader import checkpoints_file

IN_DATABASE = "the database"
PRUNE_EVERY = timedelta(days=1)
_TURNS = 5


@dataclass(frozen=True, slots=True)
class Device:
    """What a device signs the log with, and how its earlier signatures are checked.

    Attributes:
        key: its signing key.
        verify_keys: raw Ed25519 public keys that it has had, oldest first, this one's among them.
    """

    key: Ed25519PrivateKey = field(repr=False)
    verify_keys: tuple[bytes, ...]


def load_device(site: Site) -> Device:
    """Read a site's device key, and the list of those that it has had.

    Raises:
        ConfigError: a file can't be used, or the list doesn't hold the key.
    """
    key = load_signer(site.device_key)
    known = verify_keys(site)
    if key.public_key().public_bytes_raw() not in known:
        raise ConfigError("the device's signing key isn't one that public.toml names")
    return Device(key, known)


def verify_keys(site: Site) -> tuple[bytes, ...]:
    """Return the public keys that a site's device has had, oldest first.

    Raises:
        NoRecipient: the site has no keys yet.
        ConfigError: their file can't be used.
    """
    return tuple(key.key for key in load_public(site.public_keys).devices.keys)


def verify_log(path: Path, verify_keys: Sequence[bytes], kept: Sequence[Witness] = ()) -> Verdict:
    """Check a log against its own checkpoints and those that were kept elsewhere.

    Args:
        path: of the database.
        verify_keys: raw Ed25519 public keys that the device has had, oldest first.
        kept: checkpoints from elsewhere; see `find_checkpoints`.

    Raises:
        StoreError: the log can't be read.
    """
    reader = AccessReader(path)
    log_id = reader.log_id()
    if log_id is None:
        return _gone([*_copied(path), *kept])
    for _ in range(_TURNS):
        pruned = reader.pruned()
        witnesses = [*_stored(reader), *_copied(path), *kept]
        verdict = verify(
            reader.rows(),
            witnesses,
            verify_keys,
            log_id=log_id,
            pruned=Pruned(_witness(pruned.note), pruned.peaks) if pruned else None,
        )
        if reader.pruned() == pruned:  # else its old end left while it was read
            return verdict
    raise StoreError("the access log changes faster than it can be read")


def sign_log(path: Path, device: Device, now: datetime) -> StoredCheckpoint:
    """Sign a checkpoint over all entries, and keep it; the last one again if nothing is new.

    Args:
        path: of the database.
        device: signs.
        now: aware UTC.

    Raises:
        AuditBroken: the log isn't what was written, so it isn't signed.
        StoreError: the log can't be read or written.
    """
    verdict = _sound(path, device)
    if not verdict.last:
        raise StoreError(
            "the access log has no entry to sign yet",
            advice="Start the agent; it writes the first.",
        )
    reader = AccessReader(path)
    last = next(reversed(reader.checkpoints()), None)
    if last is not None and last.size == verdict.last:
        return last
    checkpoint = Checkpoint(origin_of(reader.log_id() or b""), verdict.last, verdict.root)
    made = StoredCheckpoint(verdict.last, now, sign_checkpoint(checkpoint, device.key))
    log = AccessLog(path)
    try:
        log.add_checkpoint(made)
    finally:
        log.close()
    return made


def sign_if_due(path: Path, device: Device, now: datetime) -> StoredCheckpoint | None:
    """Sign a checkpoint if the last one is a day old and something was written since.

    Raises:
        AuditBroken, StoreError: as `sign_log`.
    """
    reader = AccessReader(path)
    last = next(reversed(reader.checkpoints()), None)
    newest = reader.newest()
    unsigned = newest > (last.size if last else 0)
    if not unsigned or not checkpoint_due(now, last.at if last else None):
        return None
    return sign_log(path, device, now)


def prune_if_due(path: Path, device: Device, event: AccessEvent, keep: timedelta) -> int:
    """Delete what is older than `keep`, at the old end only; return how many entries.

    Nothing is done until the oldest entry is a day older than that, so that a log doesn't fill
    with notes about its own pruning: an entry lives for `keep` at least, and for a day more at
    most.

    Args:
        path: of the database.
        device: signs.
        event: who prunes and why, at the present; the entries' numbers are added to it.
        keep: how long an entry lives.

    Raises:
        AuditBroken: the log isn't what was written, so nothing is deleted.
        StoreError: the log can't be read or written; nothing is deleted.
    """
    reader = AccessReader(path)
    if not reader.prune_point(event.at - keep - PRUNE_EVERY, event.at):
        return 0
    point = reader.prune_point(event.at - keep, event.at)
    _sound(path, device)
    before = reader.pruned()
    tree = Tree(before.size, before.peaks) if before else Tree()
    begin = tree.size + 1
    for row in reader.rows():
        if row[0] > point:
            break
        tree.add(entry_hash(row[1]))
    checkpoint = Checkpoint(origin_of(reader.log_id() or b"") + PRUNED, point, tree.root())
    signed = StoredCheckpoint(point, event.at, sign_checkpoint(checkpoint, device.key), tree.peaks)
    told = replace(
        event, objects=(f"entry:{begin}-{point}",), counts={"entries": point + 1 - begin}
    )
    log = AccessLog(path)
    try:
        return log.prune(signed, told)
    finally:
        log.close()


def _sound(path: Path, device: Device) -> Verdict:
    """Return the verdict on a log that holds.

    Raises:
        AuditBroken: it doesn't.
    """
    verdict = verify_log(path, device.verify_keys)
    for finding in verdict.findings:
        if finding.kind.fatal:
            raise AuditBroken(f"the access log isn't signed or pruned: {finding.sentence}")
    return verdict


def _stored(reader: AccessReader) -> list[Witness]:
    return [_witness(checkpoint.note) for checkpoint in reader.checkpoints()]


def _witness(note: str) -> Witness:
    try:
        return parse_checkpoint(note, IN_DATABASE)
    except ValueError as error:
        raise AuditBroken("a checkpoint in the database was overwritten") from error


def _copied(path: Path) -> list[Witness]:
    """Return the checkpoints of the file beside the database; there, each must be signed."""
    name = checkpoints_file(path).name
    found = find_checkpoints(AccessReader(path).copied_notes(), name)
    return [w if w.note else replace(w, note=Note(w.checkpoint.text(), ())) for w in found]


def _gone(witnesses: Sequence[Witness]) -> Verdict:
    """Return the verdict on a log that isn't there."""
    findings: tuple[Finding, ...] = ()
    if witnesses:
        most = max(witness.checkpoint.size for witness in witnesses)
        sentence = f"The whole log is gone; a checkpoint speaks of {most} entries."
        findings = (Finding(Kind.MISSING, None, sentence),)
    return Verdict("", findings, 0, 0, 0, 0, 0, 0, EMPTY_ROOT)
