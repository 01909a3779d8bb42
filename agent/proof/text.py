"""A certificate as text for people, in one of two languages."""

from __future__ import annotations

from agent.config.words import TEXTS
from agent.domain.words import Words
from agent.proof.certificate import FOUND, Certificate, HitRow, LookRow, PlaceRow, Statement

WORDS = TEXTS / "proof.toml"
_SHORT_HASH = 12


def render(certificate: Certificate, words: Words) -> str:
    """Return the whole certificate as lines of text."""
    it = certificate.statement
    return "\n".join(
        [
            words("proof.title"),
            words("proof.made", at=it.made_at, seconds=it.seconds),
            words("proof.with", versions=_pairs(it.versions)),
            words("proof.backend", backend=it.backend, models=_models(it)),
            signature(certificate, words),
            "",
            result(it, words),
            "",
            _frames(it, words),
            *_controls(it, words),
            "",
            words("proof.look.title"),
            *(_look(look, words) for look in it.looks),
            _left_out(it, words),
            "",
            words("proof.place.title"),
            *(_place(place, words) for place in it.places),
            "",
            *_settings(it, words),
            "",
            words("proof.limit.title"),
            *(f"- {words(f'proof.limit.{limit}')}" for limit in it.limits if _known(limit, words)),
        ]
    )


def result(it: Statement, words: Words) -> str:
    """Return the sentence that counts."""
    if it.result == FOUND or it.residue_bytes:
        return words("proof.residue", bytes=it.residue_bytes)
    return words("proof.clear")


def signature(certificate: Certificate, words: Words) -> str:
    """Say who signed; the signature itself was checked when the certificate was read."""
    by = certificate.signature
    if by.public_key is None:
        return words("proof.signature.unsigned")
    return words("proof.signature.signed", device=by.device or "-", key=by.public_key)


def _known(limit: str, words: Words) -> bool:
    return f"proof.limit.{limit}" in words


def _pairs(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _models(it: Statement) -> str:
    return ", ".join(f"{model.name} {model.sha256[:_SHORT_HASH]}" for model in it.models)


def _frames(it: Statement, words: Words) -> str:
    sent = [
        words(f"proof.kind.{kind}", n=count)
        for kind, count in it.frames_sent.items()
        if f"proof.kind.{kind}" in words
    ]
    return words(
        "proof.frames",
        sent=words.listed(sent),
        looked=it.frames_looked_at,
        faces=it.faces_looked_at,
    )


def _controls(it: Statement, words: Words) -> list[str]:
    required = [control for control in it.controls if control.required]
    pieces = [
        words("proof.control.piece", bytes=size, form=words(f"proof.form.{form}"))
        for form, size in it.smallest_found.items()
        if f"proof.form.{form}" in words
    ]
    found = sum(control.found for control in required)
    return [
        words("proof.control.title", found=found, all=len(required)),
        words("proof.control.smallest", pieces=words.listed(pieces)),
    ]


def _look(look: LookRow, words: Words) -> str:
    key = f"proof.look.{look.moment.rpartition(': ')[2]}"
    return words(
        "proof.look.line",
        moment=words(key) if key in words else look.moment,
        found=_amount(look.hits, words),
        size=look.searched >> 20,
    )


def _amount(hits: list[HitRow], words: Words) -> str:
    if not hits:
        return words("proof.look.nothing")
    kilobytes = max(1, sum(row.bytes for row in hits) >> 10)
    return words("proof.look.some", kilobytes=kilobytes)


def _left_out(it: Statement, words: Words) -> str:
    return words(
        "proof.look.unchanged",
        size=max((look.unchanged_files for look in it.looks), default=0) >> 20,
        unread=sum(look.unread for look in it.looks),
    )


def _place(place: PlaceRow, words: Words) -> str:
    key = f"proof.place.{place.place.partition(' ')[0]}"
    return words(
        "proof.place.line",
        place=words(key) if key in words else place.place,
        found=_amount(place.hits, words),
        files=place.files,
        size=place.searched >> 10,
        skipped=words("proof.place.skipped", n=place.skipped) if place.skipped else "",
    )


def _settings(it: Statement, words: Words) -> list[str]:
    settings = it.settings
    yes = words("proof.setting.yes" if settings.get("overwrites_freed") else "proof.setting.no")
    return [
        words("proof.setting.title"),
        words(
            "proof.setting.core",
            limit=settings.get("core_limit", "?"),
            dumpable=settings.get("dumpable", "?"),
            pattern=settings.get("core_pattern", "?"),
        ),
        words(
            "proof.setting.swap",
            areas=settings.get("swap_areas", "?"),
            swapped=max((look.swapped for look in it.looks), default=0),
            locked=max((look.locked for look in it.looks), default=0),
        ),
        words("proof.setting.freed", yes=yes),
    ]
