"""Whoever takes the agent, its memory or its disk gets nothing that opens a closed bucket."""

from __future__ import annotations

import ast
import gc
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey

from agent.config.site import Site
from agent.crypto.create import write_keys
from agent.crypto.seal import load_sealer
from agent.domain.record import to_batch
from agent.errors import NoRecipient
from agent.store.segments import SegmentStore
from tests.sealing import BUCKET_START, DELETE_BY, DIGEST, MODELS, NOW, keyset, records

ROOT = Path(__file__).parents[2]
OPENERS = (MLKEM768PrivateKey, X25519PrivateKey, MLKEM768X25519PrivateKey)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a site with keys."""
    made = Site(tmp_path)
    write_keys(made, keyset())
    made.segments.parent.mkdir()
    return made


def reachable(root: object) -> list[object]:
    """Return every object that can be reached from one, modules, code and types left out."""
    seen: dict[int, object] = {}
    queue = [root]
    while queue:
        found = queue.pop()
        if id(found) in seen or isinstance(
            found, type | types.ModuleType | types.FunctionType | types.CodeType
        ):
            continue
        seen[id(found)] = found
        queue += gc.get_referents(found)
    return list(seen.values())


def writer_of(site: Site):
    """Open a bucket as the agent does, from the site's two files."""
    sealer = load_sealer(site.public_keys, site.device_key)
    return sealer, sealer.open_bucket(
        "door",
        BUCKET_START,
        3600,
        delete_by=DELETE_BY,
        policy_digest=DIGEST,
        models=MODELS,
        now=NOW,
    )


def test_a_sealer_reaches_no_key_that_opens(site: Site) -> None:
    """Nothing reachable from the writer is a decryption key, or the way to one."""
    sealer, bucket = writer_of(site)
    bucket.seal(records(20))

    objects = reachable(sealer) + reachable(bucket)

    assert len(objects) > 20
    assert not [o for o in objects if isinstance(o, OPENERS)]
    assert not [o for o in objects if isinstance(o, str | Path) and "vault" in str(o)]


def test_an_open_bucket_holds_its_key_in_the_cipher_only(site: Site) -> None:
    """No 32 bytes that would open the bucket lie beside the cipher object; closed, none is left."""
    _, bucket = writer_of(site)
    segment = bucket.seal(records(20))

    raw = [bytes(o) for o in reachable(bucket) if isinstance(o, bytes | bytearray)]
    keys = [o for o in raw if len(o) == 32]
    bucket.close()

    for key in keys:
        with pytest.raises(Exception, match=r"^$"):
            AESGCM(key).decrypt(segment.nonce, segment.ciphertext, segment.header.to_bytes())
    assert not [o for o in reachable(bucket) if isinstance(o, AESGCM)]


def test_the_agent_needs_no_vault(site: Site) -> None:
    """With the vault carried away, sealing and storing go on as before."""
    shutil.rmtree(site.vault.parent)

    _, bucket = writer_of(site)
    with SegmentStore(site.segments) as store:
        assert store.append(bucket.seal(records(20)), bucket.sealed_key)


def test_without_public_keys_nothing_is_persisted(site: Site) -> None:
    """No recipient, no segment, no row."""
    site.public_keys.unlink()

    with pytest.raises(NoRecipient):
        writer_of(site)
    assert list(site.segments.parent.iterdir()) == []


def test_the_agent_opens_its_two_key_files_and_no_other(site: Site) -> None:
    """Every file that loading the sealer opens is watched: below the site there are two."""
    program = """
import sys
from pathlib import Path
import agent.crypto.seal as seal
opened = []
sys.addaudithook(lambda name, args: opened.append(str(args[0])) if name == "open" else None)
seal.load_sealer(Path(sys.argv[1]), Path(sys.argv[2]))
print("\\n".join(opened))
"""
    arguments = [str(site.public_keys), str(site.device_key)]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip

    below = {line for line in done.stdout.splitlines() if line.startswith(str(site.root))}

    assert below == set(arguments)


def test_sealing_loads_no_code_that_opens() -> None:
    """Importing the writer brings in neither the reader nor the vault."""
    program = "import sys, agent.crypto.seal; print(*(m for m in sys.modules if 'crypto.' in m))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )

    loaded = {name for name in done.stdout.split() if name.startswith("agent.")}

    assert "agent.crypto.seal" in loaded
    assert not loaded & {"agent.crypto.open", "agent.crypto.vault", "agent.crypto.create"}


@pytest.mark.parametrize("module", ["pipeline", "service", "maintenance"])
def test_the_running_agent_names_no_opener(module: str) -> None:
    """The modules that run beside the camera import neither the reader nor the vault."""
    path = ROOT / "agent" / f"{module}.py"
    if not path.exists():
        pytest.skip(f"{path.name} isn't written yet")
    imported = {
        node.module
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
    }

    assert not imported & {"agent.crypto.open", "agent.crypto.vault"}


def test_the_disk_holds_no_plain_code(site: Site) -> None:
    """Neither a record nor its Action Units nor its probabilities stand anywhere in the state."""
    _, bucket = writer_of(site)
    wanted = records(100)
    with SegmentStore(site.segments) as store:
        store.append(bucket.seal(wanted), bucket.sealed_key)
        raw = b"".join(path.read_bytes() for path in site.segments.parent.iterdir())

    assert all(row.tobytes() not in raw for row in to_batch(wanted))
    assert all(bytes(r.au_sides) not in raw for r in wanted)
    assert all(bytes(r.emotion) not in raw for r in wanted)
    assert all(bytes(r.au_sides)[:12] not in raw for r in wanted)
