"""What the site's policy says about keys: how long a bucket and a record last."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from agent.errors import ConfigError, PolicyEmpty

if TYPE_CHECKING:
    from datetime import datetime

    from agent.config.site import Site
    from agent.domain.policy import Policy

USUAL_BUCKET = timedelta(hours=1)


def policy_of(site: Site) -> Policy | None:
    """Return the site's policy; None where the folder has none. Raises `PolicyError`."""
    from agent.config.policy_file import load_policy

    return load_policy(site.policy) if site.policy.exists() else None


def name_of(site: Site) -> str:
    """Return the site's name; the folder's where the policy can't tell."""
    from agent.errors import PolicyError

    try:
        policy = policy_of(site)
    except PolicyError:
        policy = None
    return policy.site if policy else site.root.resolve().name


def next_bucket(site: Site, now: datetime) -> datetime:
    """Return when the next bucket begins; of an hour where there is no policy here."""
    from agent.pipeline import bucket_start

    policy = policy_of(site)
    length = policy.release.bucket if policy else USUAL_BUCKET
    return bucket_start(now, length) + length


def lifetimes(site: Site, given: str | None) -> tuple[timedelta, timedelta]:
    """Return how long records are kept and how long a bucket is.

    Args:
        site: with a policy or without.
        given: a retention from the command line, such as `72h`; the longer one counts.

    Raises:
        ConfigError: neither is there, or the given one can't be read.
    """
    from agent.config.durations import parse_duration

    policy = policy_of(site)
    try:
        said = parse_duration(given) if given is not None else None
    except ValueError as error:
        raise ConfigError(f"--retention {given}: {error}") from error
    if policy is None:
        if said is None:
            raise PolicyEmpty(
                "without a policy nobody knows how long records are kept",
                advice="Name the site's folder with --site, or say it with --retention.",
            )
        return said, USUAL_BUCKET
    kept = policy.retention.records
    return max(kept, said or kept), policy.release.bucket
