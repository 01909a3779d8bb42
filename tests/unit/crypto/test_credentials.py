"""The device's signing key may come from systemd; the passphrase never does."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from agent.config.site import CREDENTIAL, Site, with_credentials
from agent.crypto.create import write_keys
from agent.crypto.live import LiveKeys
from agent.errors import ConfigError
from agent.install.plan import CREDENTIAL as SEALED_TO
from agent.install.plan import DEVICE_KEY_DROP_IN, SEAL
from tests.sealing import keyset


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a site with keys."""
    made = Site(tmp_path / "site")
    write_keys(made, keyset())
    return made


def handed_over(site: Site, folder: Path, content: bytes) -> Site:
    """Return the site as a unit sees it that was given a credential."""
    folder.mkdir(mode=0o700, exist_ok=True)
    key = folder / CREDENTIAL
    key.write_bytes(content)
    key.chmod(0o400)
    return with_credentials(site, {"CREDENTIALS_DIRECTORY": str(folder)})


def test_a_handed_over_key_is_used(site: Site, tmp_path: Path) -> None:
    """Without keys/device.pem on the disk the agent seals with the credential."""
    content = site.device_key.read_bytes()
    site.device_key.unlink()

    given = handed_over(site, tmp_path / "credentials", content)

    assert given.device_key == tmp_path / "credentials" / CREDENTIAL
    assert LiveKeys(given.public_keys, given.device_key).sealer()


def test_a_foreign_key_that_was_handed_over_is_refused(site: Site, tmp_path: Path) -> None:
    """It isn't used beside or instead of the right one on the disk."""
    given = handed_over(site, tmp_path / "credentials", keyset("camera-2").device_pem)

    with pytest.raises(ConfigError, match="signing key"):
        LiveKeys(given.public_keys, given.device_key)


@pytest.mark.parametrize("environ", [{}, {"CREDENTIALS_DIRECTORY": ""}])
def test_without_credentials_the_file_is_used(site: Site, environ: dict[str, str]) -> None:
    """A unit without this credential, or no unit at all, reads keys/device.pem."""
    assert with_credentials(site, environ) == site


def test_other_credentials_change_nothing(site: Site, tmp_path: Path) -> None:
    """A unit may have credentials of another name."""
    (tmp_path / "something.else").write_text("x")

    assert with_credentials(site, {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == site


def test_systemd_encrypts_and_gives_back_the_key(site: Site, tmp_path: Path) -> None:
    """`systemd-creds` under the name in the unit: what comes back is a key that seals."""
    tool = shutil.which("systemd-creds")
    if tool is None:
        pytest.skip("systemd-creds isn't installed")
    sealed = tmp_path / "omokage-device.cred"
    # A fixed key in place of the machine's own: nothing is left behind on this machine.
    encrypt = [tool, "encrypt", f"--name={CREDENTIAL}"]
    made = [
        subprocess.run(
            [*encrypt, f"--with-key={kind}", site.device_key, sealed],
            check=False, capture_output=True, text=True,
        ).returncode
        for kind in ("null", "tpm2-absent")
        if not sealed.exists()
    ]  # fmt: skip
    if made[-1] != 0:
        pytest.skip("this systemd-creds can't encrypt without the machine's key")
    content = site.device_key.read_bytes()
    assert content not in sealed.read_bytes()
    site.device_key.unlink()

    opened = subprocess.run(
        [tool, "decrypt", f"--name={CREDENTIAL}", sealed, "-"], check=True, capture_output=True
    ).stdout
    other = subprocess.run(
        [tool, "decrypt", "--name=another.pem", sealed, "-"], check=False, capture_output=True
    )

    assert other.returncode != 0
    given = handed_over(site, tmp_path / "credentials", opened)
    assert LiveKeys(given.public_keys, given.device_key).sealer()


def test_the_units_drop_in_names_the_credential() -> None:
    """What `omokage install --seal-device-key` writes has the name that the agent looks for."""
    assert f"LoadCredentialEncrypted={CREDENTIAL}:" in DEVICE_KEY_DROP_IN
    assert f"--name={CREDENTIAL}" in SEAL
    assert CREDENTIAL == SEALED_TO.name
