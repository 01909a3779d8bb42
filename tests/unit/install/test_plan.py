"""What installing and erasing take, decided without touching anything."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path, PurePosixPath

import pytest

from agent.cli.install import shipped_units
from agent.errors import ConfigError
from agent.install import erase, plan
from agent.install.erase import Stock, plan_erasure, plan_removal, receipt
from agent.install.plan import Wishes, network_addresses, network_drop_in, plan_install
from agent.install.steps import (
    BuildProgram,
    Call,
    DestroyKeys,
    Put,
    Remove,
    Shred,
    sentence,
)
from tests.fakes import NOON

HERE = Path("/")
TREE = Path("/mnt/tree")
SITE = PurePosixPath("/var/lib/omokage")
STOCK = Stock(
    site="Shop", device="till-1", fingerprint="7W89-9PR9", epochs=26, records=1200, numbers=80,
    log=9, checkpoint="omokage/log\n9\nabc=\n\n— till-1 sig\n",
    secret=(SITE / "keys" / "device.pem", SITE / "state" / "segments.sqlite"),
)  # fmt: skip


def wishes(**changes) -> Wishes:
    """Return what an ordinary person asks for."""
    usual = {
        "root": HERE, "wheels": Path("dist/wheels"), "policy": b"[site]", "sources": ("0",),
        "python": PurePosixPath("/usr/bin/python3"),
    }  # fmt: skip
    return Wishes(**{**usual, **changes})


def steps(**changes) -> list:
    """Return the plan."""
    return plan_install(wishes(**changes), shipped_units())


def calls(found) -> list[str]:
    """Return the programs that a plan calls, as typed."""
    return [" ".join(step.command) for step in found if isinstance(step, Call)]


def test_nothing_starts_before_all_is_in_place() -> None:
    """Enabling and starting are the last steps; accounts come before the folders that they own."""
    found = steps()

    said = [sentence(step) for step in found]
    order = ["systemd-sysusers", "build ", "policy.toml", "systemd-tmpfiles", "daemon-reload",
             "systemctl enable", "systemctl restart"]  # fmt: skip
    places = [next(i for i, line in enumerate(said) if word in line) for word in order]
    assert sorted(places) == places
    assert places[-1] == len(found) - 1


def test_every_unit_is_put_in_place() -> None:
    """No unit of the tree is forgotten."""
    put = {step.path.name for step in steps() if isinstance(step, Put)}

    assert {n for n in shipped_units() if n.endswith((".service", ".timer"))} <= put


def test_review_and_metrics_wait_to_be_wanted() -> None:
    """What opens more than the pages isn't enabled by installing."""
    enabled = next(call for call in calls(steps()) if " enable " in call)

    assert "omokage-agent.service" in enabled
    assert "review" not in enabled
    assert "metrics" not in enabled


def test_a_tree_is_never_started() -> None:
    """Into a tree: every tool gets its root, and this machine's systemd isn't touched."""
    for call in calls(steps(root=TREE)):
        assert f"--root={TREE}" in call or call.startswith(f"find {TREE}/var/lib/omokage/keys ")


def test_a_policy_may_hold_a_password() -> None:
    """The policy isn't for everybody to read."""
    (policy,) = (s for s in steps() if isinstance(s, Put) and s.path.name == "policy.toml")

    assert policy.mode == 0o640


def test_a_package_keeps_what_is_its_own() -> None:
    """Where a package brought program and units, neither is written a second time."""
    found = steps(packaged=True, wheels=None)

    assert not any(isinstance(step, BuildProgram) for step in found)
    assert [SITE / "policy.toml"] == [step.path for step in found if isinstance(step, Put)]


def test_a_python_in_a_home_is_refused() -> None:
    """The units can't see homes, so a program there would never start."""
    with pytest.raises(ConfigError, match="home"):
        steps(python=PurePosixPath("/home/somebody/bin/python3"))


def test_a_usb_camera_has_no_network() -> None:
    """Without a network camera the drop-in that opens the network is removed."""
    found = steps()

    assert any(isinstance(s, Remove) and s.path == plan.NETWORK_CAMERA for s in found)
    assert not any(isinstance(s, Put) and s.path == plan.NETWORK_CAMERA for s in found)


def test_a_network_camera_is_reached_and_nothing_else() -> None:
    """The drop-in allows the cameras' addresses, each once, and leaves all others denied."""
    sources = ("rtsp://u:p@192.0.2.7/1", "0", "http://[2001:db8::5]:8080/x", "rtsp://192.0.2.7/2")
    (put,) = (
        s for s in steps(sources=sources) if isinstance(s, Put) and s.path == plan.NETWORK_CAMERA
    )
    text = put.content.decode()

    assert ["192.0.2.7", "2001:db8::5"] == network_addresses(sources)
    assert [line for line in text.splitlines() if "IPAddressAllow" in line] == [
        "IPAddressAllow=192.0.2.7", "IPAddressAllow=2001:db8::5",
    ]  # fmt: skip
    assert "IPAddressDeny" not in text
    assert "u:p" not in text


@pytest.mark.parametrize("source", ["rtsp://camera.local/1", "http://shop-cam/x", "rtsp:///1"])
def test_a_camera_by_name_is_refused(source) -> None:
    """Looking up a name would take a network that the agent doesn't get."""
    with pytest.raises(ConfigError, match="by name"):
        network_addresses([source])


def test_a_drop_in_can_not_be_written_by_a_source() -> None:
    """A source with a line break in it doesn't smuggle settings into the unit."""
    with pytest.raises(ConfigError):
        network_addresses(["rtsp://192.0.2.7%0aUser=root/1"])
    assert network_drop_in(["192.0.2.7"]).count("[Service]") == 1


def test_a_sealed_signing_key_leaves_no_plain_one() -> None:
    """The key is encrypted to the machine before its plain file is overwritten."""
    found = steps(seal_device_key=True)
    names = [type(step).__name__ for step in found]
    seal = next(
        i for i, s in enumerate(found) if isinstance(s, Call) and "systemd-creds" in s.command
    )

    assert names.index("Shred") > seal
    assert any(isinstance(s, Put) and b"LoadCredentialEncrypted" in s.content for s in found)


def test_nothing_is_sent_unless_somebody_asked() -> None:
    """Without a centre the sync's timer isn't enabled, though its unit is in place."""
    assert not any("omokage-sync" in call for call in calls(steps()))


def test_a_centres_address_is_sealed_before_anything_sends() -> None:
    """The file is encrypted to the machine first; only then is the timer enabled."""
    found = calls(steps(central=Path("/srv/central.toml")))

    seal = next(i for i, call in enumerate(found) if call.startswith("systemd-creds encrypt"))
    enable = next(i for i, call in enumerate(found) if "enable" in call)
    assert "/srv/central.toml /etc/credstore.encrypted/omokage-central.toml" in found[seal]
    assert seal < enable
    assert "omokage-sync.timer" in found[enable]


def test_a_centre_that_is_there_stays() -> None:
    """An upgrade without the file keeps sending."""
    assert any("enable" in c and "omokage-sync.timer" in c for c in calls(steps(sends=True)))


def test_a_credential_for_another_machine_is_refused() -> None:
    """What is encrypted to this machine would be useless in an image."""
    with pytest.raises(ConfigError, match="encrypted to the machine"):
        steps(root=TREE, central=Path("/srv/central.toml"))


def test_a_receipt_says_that_numbers_are_elsewhere_too() -> None:
    """Whoever sent numbers reads on the receipt that the centre still has them; others don't."""
    said = [receipt(replace(STOCK, sent=sent), NOON, NOON, ()) for sent in (True, False)]

    assert ["central remove" in text for text in said] == [True, False]


def test_an_erasure_takes_the_centres_password_along() -> None:
    """The credential is shredded, and the timer gone."""
    found = plan_erasure(HERE, SITE, STOCK, packaged=False)

    assert any(isinstance(step, Shred) and step.path == plan.CENTRAL for step in found)
    assert "omokage-sync.timer" in found[0].command


def test_keys_die_first() -> None:
    """An erasure stops everything, then destroys keys, and only then anything else."""
    found = plan_erasure(HERE, SITE, STOCK, packaged=False)

    assert isinstance(found[0], Call)
    assert found[0].command[:3] == ("systemctl", "disable", "--now")
    assert found[1] == DestroyKeys(SITE / "vault" / "epochs.toml")
    first_data = found.index(Shred(SITE / "state" / "segments.sqlite", "data of the site"))
    assert first_data > found.index(Shred(SITE / "keys" / "device.pem", "the device's signing key"))
    assert first_data < found.index(Remove(SITE, "the emptied folder"))


def test_an_erasure_shreds_every_file() -> None:
    """No file of the site is only unlinked."""
    found = plan_erasure(HERE, SITE, STOCK, packaged=False)

    assert set(STOCK.secret) <= {step.path for step in found if isinstance(step, Shred)}


def test_a_removal_touches_no_data() -> None:
    """Without an erasure nothing below the site's folder is named."""
    assert not any(str(SITE) in sentence(step) for step in plan_removal(HERE, packaged=False))


def test_a_packages_files_are_left_to_it() -> None:
    """The package's own tools remove what it brought."""
    found = plan_removal(HERE, packaged=True)

    gone = [step.path for step in found if isinstance(step, Remove)]
    assert gone == [plan.DROP_INS, erase.STAMP]


def test_a_receipt_says_what_was_there() -> None:
    """Names, counts and times, and the log's last signature; and what it can't promise."""
    text = receipt(STOCK, NOON, NOON + timedelta(seconds=3), [])

    for word in ("Shop", "till-1", "7W89-9PR9", "26 destroyed", "1,200 erased", "— till-1 sig"):
        assert word in text
    assert "solid-state" in text
    assert "Nothing of the site is left" in text


def test_a_receipt_does_not_hide_what_is_left() -> None:
    """A file that is still there is named, and nothing says that all is gone."""
    text = receipt(STOCK, NOON, NOON, ["/var/lib/omokage/state/x"])

    assert "STILL THERE" in text
    assert "/var/lib/omokage/state/x" in text
    assert "Nothing of the site is left" not in text
