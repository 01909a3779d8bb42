"""Whose word a certificate is: the device key of a site, where there is one."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.config.site import Site, with_credentials
from agent.crypto.keys import load_public, load_signer
from agent.errors import AgentError, ConfigError


def find_signer(root: Path) -> tuple[Ed25519PrivateKey | None, str | None]:
    """Return a site's signing key and its device's id; None, None where the site has no key.

    Raises:
        ConfigError: there is a key that can't be used, or isn't the one that `public.toml` names.
    """
    site = with_credentials(Site(root), os.environ)
    try:
        if not site.device_key.exists():
            return None, None
    except OSError as error:
        raise ConfigError(
            f"can't look for the device's key: {error.strerror}",
            advice="Run it as the agent's user, or name another site.",
        ) from error
    key = load_signer(site.device_key)
    public = load_public(site.public_keys)
    if key.public_key().public_bytes_raw() not in {k.key for k in public.devices.keys}:
        raise ConfigError("the device's signing key isn't one that public.toml names")
    return key, public.device


def known_device(root: Path, key: bytes) -> bool:
    """Say whether a site's `public.toml` names a key as its device's."""
    try:
        return any(known.key == key for known in load_public(Site(root).public_keys).devices.keys)
    except AgentError:
        return False
