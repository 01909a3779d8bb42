"""Decide what installing takes. Pure: what the machine has is an argument.

Order: accounts, then the program, then the site's files, then units, and only then what starts. So
whatever fails leaves nothing running half-way.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from agent.errors import ConfigError
from agent.install.steps import BuildProgram, Call, Put, Remove, Shred, Step

SITE = PurePosixPath("/var/lib/omokage")
PROGRAM = PurePosixPath("/opt/omokage/venv")
COMMAND = PurePosixPath("/usr/local/bin/omokage")
UNITS = PurePosixPath("/etc/systemd/system")
DROP_INS = UNITS / "omokage-agent.service.d"
NETWORK_CAMERA = DROP_INS / "50-network-camera.conf"
DEVICE_KEY = DROP_INS / "50-device-key.conf"
CREDENTIAL = PurePosixPath("/etc/credstore.encrypted/omokage-device.pem")
CENTRAL = PurePosixPath("/etc/credstore.encrypted/omokage-central.toml")
"""The address of the central database, encrypted to this machine."""
SYSUSERS = PurePosixPath("/etc/sysusers.d/omokage.conf")
TMPFILES = PurePosixPath("/etc/tmpfiles.d/omokage.conf")
SEAL = (
    "systemd-creds", "encrypt", "--name=omokage-device.pem", f"{SITE}/keys/device.pem",
    str(CREDENTIAL),
)  # fmt: skip
ENABLED = ("omokage-agent.service", "omokage-dashboard.service", "omokage-janitor.timer")
"""Review and metrics are started by who wants them."""
SYNC = "omokage-sync.timer"
"""Enabled only where there is a centre to send to."""
NETWORK_SCHEMES = frozenset({"rtsp", "rtsps", "rtmp", "http", "https", "udp", "tcp", "srt"})
HOMES = (PurePosixPath("/home"), PurePosixPath("/root"))


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person at the keyboard asked for.

    Attributes:
        root: folder of the system to install into; "/" is this machine.
        wheels: folder of wheels, or None where the program is there already.
        policy: content of the policy to put in place, or None to leave what is there.
        sources: of the policy's cameras, the new policy's or the present one's.
        python: interpreter on the target system.
        packaged: the program and its units came as a package, which keeps them.
        seal_device_key: hand the signing key over as an encrypted credential.
        start: start what is enabled.
        central: file with the centre's address, to be handed over as an encrypted credential.
        sends: such a credential is there already.
    """

    root: Path
    wheels: Path | None
    policy: bytes | None
    sources: tuple[str, ...]
    python: PurePosixPath
    packaged: bool = False
    seal_device_key: bool = False
    start: bool = True
    central: Path | None = None
    sends: bool = False


def plan_install(wishes: Wishes, shipped: Mapping[str, bytes]) -> list[Step]:
    """Return the steps in their order.

    Args:
        wishes: see `Wishes`.
        shipped: content of the files of `systemd/`, by name.

    Raises:
        ConfigError: a network camera is named by name, the interpreter lies in somebody's home, or
            a credential is asked for on another machine than the one that it is encrypted to.
    """
    here = wishes.root == Path("/")
    enabled = (*ENABLED, SYNC) if wishes.central or wishes.sends else ENABLED
    steps: list[Step] = []
    if not wishes.packaged:
        steps += _system(wishes, shipped)
    if wishes.policy is not None:
        steps.append(Put(SITE / "policy.toml", wishes.policy, 0o640, "the site's rules"))
    steps.append(_adopt(wishes.root))
    steps.append(
        Call(
            _rooted(wishes, "systemd-tmpfiles", "--create", "omokage.conf"),
            "make the site's folders, with their owners and modes",
        )
    )
    steps += [*_drop_ins(wishes), *_credential(wishes)]
    if here:
        steps.append(Call(("systemctl", "daemon-reload"), "let systemd read the units"))
    steps.append(Call(_rooted(wishes, "systemctl", "enable", *enabled), "start with the machine"))
    if here and wishes.start:
        steps.append(Call(("systemctl", "restart", *enabled), "start now"))
    return steps


def _system(wishes: Wishes, shipped: Mapping[str, bytes]) -> list[Step]:
    """Return what a package would have brought."""
    steps: list[Step] = [
        Put(SYSUSERS, shipped["omokage.sysusers"], 0o644, "the service's accounts"),
        Put(TMPFILES, shipped["omokage.tmpfiles"], 0o644, "folders, owners and modes"),
        Call(
            _rooted(wishes, "systemd-sysusers", "omokage.conf"),
            "make the accounts omokage and omokage-pages",
        ),
    ]
    if wishes.wheels is not None:
        if any(home in wishes.python.parents for home in HOMES):
            raise ConfigError(
                f"{wishes.python} lies in somebody's home, which the service can't see",
                advice="Name the system's Python with --python, for example /usr/bin/python3.",
            )
        steps.append(BuildProgram(PROGRAM, wishes.wheels, wishes.python))
    steps.append(Put(COMMAND, shipped["omokage.sh"], 0o755, "the command, for root as the service"))
    steps += [
        Put(UNITS / name, shipped[name], 0o644, "a unit")
        for name in sorted(shipped)
        if name.endswith((".service", ".timer"))
    ]
    return steps


def _adopt(root: Path) -> Step:
    """Return the step that gives the agent the key files that somebody brought here as root."""
    keys, vault = (str(root / (SITE / name).relative_to("/")) for name in ("keys", "vault"))
    mine = ("-xdev", "-type", "f", "-links", "1", "-user", "root")
    give = ("-exec", "chown", "-h", f"--reference={keys}", "{}", "+")
    return Call(("find", keys, vault, *mine, *give), "give the agent its key files", may_fail=True)


def _drop_ins(wishes: Wishes) -> list[Step]:
    addresses = network_addresses(wishes.sources)
    steps: list[Step] = []
    if addresses:
        why = f"the agent may reach {', '.join(addresses)} and nothing else"
        steps.append(Put(NETWORK_CAMERA, network_drop_in(addresses).encode(), 0o644, why))
    else:
        steps.append(Remove(NETWORK_CAMERA, "no network camera, so no network"))
    if wishes.seal_device_key:
        steps += [
            Call(("install", "-d", "-m", "0700", str(CREDENTIAL.parent)), "for credentials"),
            Call(SEAL, "encrypt the signing key to this machine"),
            Put(DEVICE_KEY, DEVICE_KEY_DROP_IN.encode(), 0o644, "hand the signing key over"),
            Shred(SITE / "keys" / "device.pem", "the signing key is a credential now"),
        ]
    return steps


def _credential(wishes: Wishes) -> list[Step]:
    if wishes.central is None:
        return []
    if wishes.root != Path("/"):
        raise ConfigError(
            "the centre's address is encrypted to the machine that sends",
            advice="Run `omokage install --central FILE` on that machine, without --root.",
        )
    seal = ("systemd-creds", "encrypt", f"--name={CENTRAL.name}", str(wishes.central), str(CENTRAL))
    return [
        Call(("install", "-d", "-m", "0700", str(CENTRAL.parent)), "for credentials"),
        Call(seal, "encrypt the centre's address to this machine"),
    ]


def network_addresses(sources: Iterable[str]) -> list[str]:
    """Return the addresses of those sources that are network cameras, in the policy's order.

    Raises:
        ConfigError: one is named by name: looking it up would take a network that isn't there.
    """
    found: list[str] = []
    for source in sources:
        parts = urlsplit(source)
        if parts.scheme not in NETWORK_SCHEMES:
            continue
        try:
            address = str(ipaddress.ip_address(parts.hostname or ""))
        except ValueError as error:
            raise ConfigError(
                f"the camera {parts.hostname} is named by name, and the agent can't look it up",
                advice="Write its address as a number into the policy, and give it a fixed one.",
            ) from error
        if address not in found:
            found.append(address)
    return found


def network_drop_in(addresses: Iterable[str]) -> str:
    """Return the drop-in that opens the network for these addresses alone."""
    allowed = "".join(f"IPAddressAllow={address}\n" for address in addresses)
    return (
        "# Written by `omokage install`: the policy names a network camera.\n[Service]\n"
        "PrivateNetwork=no\nRestrictAddressFamilies=\n"
        f"RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX\n{allowed}"
    )


DEVICE_KEY_DROP_IN = f"""\
# Written by `omokage install --seal-device-key`: encrypted to this machine, decrypted into memory
# that isn't swapped, for this unit alone.
[Service]
LoadCredentialEncrypted=omokage-device.pem:{CREDENTIAL}
"""


def _rooted(wishes: Wishes, program: str, *arguments: str) -> tuple[str, ...]:
    root = () if wishes.root == Path("/") else (f"--root={wishes.root}",)
    return (program, *root, *arguments)
