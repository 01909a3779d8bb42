"""Who may sign in to the pages, and as what."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime

from agent.domain.access import Role

PAGE_ROLES = (Role.MANAGER, Role.REVIEWER, Role.AUDITOR, Role.ADMIN)
"""As what a person can sign in; the others belong to programs and to the command line."""
LONGEST_NAME = 32
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who signed in.

    Attributes:
        name: of the account; personal.
        role: decides which pages there are.
    """

    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Account:
    """What is kept of an account.

    Attributes:
        user: name and role.
        password: hash of the password in PHC form, with its salt and cost; never printed.
        created: aware UTC.
        changed: of the last change of anything, aware UTC.
        disabled: nobody can sign in with it.
    """

    user: User
    password: str = field(repr=False)
    created: datetime
    changed: datetime
    disabled: bool = False

    @property
    def stamp(self) -> str:
        """Return what differs as soon as the role or the password does; ends older sessions."""
        text = f"{self.user.role}\0{self.password}"
        return hashlib.sha256(text.encode()).hexdigest()


def is_name(text: str) -> bool:
    """Say whether an account can have this name: lower-case ASCII, digits, `.`, `_` and `-`."""
    return len(text) <= LONGEST_NAME and _NAME.fullmatch(text) is not None
