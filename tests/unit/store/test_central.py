"""What the centre's refusals become: a kind that says what to do, and no word of the driver's."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import OperationalError, ProgrammingError

from agent.errors import CentralDenied, CentralError, CentralUnreachable
from agent.store.central import central_refusals

SECRET = "s3cret-word"


class Said(Exception):
    """What a driver raises."""

    def __init__(self, words: str, sqlstate: str | None = None) -> None:
        super().__init__(words)
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("words", "sqlstate", "kind", "about"),
    [
        ("FATAL: password authentication failed for user", None, CentralDenied, "let this role in"),
        ("FATAL: no pg_hba.conf entry for host", None, CentralDenied, "let this role in"),
        ("permission denied for table cell", "42501", CentralDenied, "let this role in"),
        ("SSL error: certificate verify failed", None, CentralUnreachable, "certificate"),
        ('root certificate file "x" does not exist', None, CentralUnreachable, "certificate"),
        ("server does not support SSL, but SSL was required", None, CentralUnreachable, "certif"),
        ("SSL connection has been closed unexpectedly", None, CentralUnreachable, "be reached"),
        ("SSL SYSCALL error: EOF detected", None, CentralUnreachable, "be reached"),
        ("could not translate host name", None, CentralUnreachable, "be reached"),
        ("terminating connection due to administrator", "57P01", CentralUnreachable, "be reached"),
        ("could not extend file: No space left", "53100", CentralError, "53100"),
        ("deadlock detected", "40P01", CentralError, "40P01"),
        ("new row violates row-level security policy", "42501", CentralError, "in the future"),
    ],
)
def test_each_refusal_has_its_kind(
    words: str, sqlstate: str | None, kind: type[CentralError], about: str
) -> None:
    """Denied, out of reach, a wrong certificate, the rest: told apart, and nothing is quoted."""
    error = OperationalError(f"INSERT {SECRET}", {}, Said(f"{words} {SECRET}", sqlstate))

    with pytest.raises(CentralError) as refusal, central_refusals():
        raise error
    assert type(refusal.value) is kind
    assert about in str(refusal.value)
    assert SECRET not in refusal.value.sentences
    assert refusal.value.exit_code == 14
    assert refusal.value.__cause__ is None


def test_a_broken_rule_is_no_missing_network() -> None:
    """What the database checks and refuses isn't taken for a network that is gone."""
    error = ProgrammingError("", {}, Said("violates check constraint", "23514"))

    with pytest.raises(CentralError) as refusal, central_refusals():
        raise error
    assert type(refusal.value) is CentralError
