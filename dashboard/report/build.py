"""Turn a report's facts into a document in one language. Pure apart from reading texts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from agent.config.words import load_words
from agent.domain.aggregate import au_rate, emotion_share
from agent.domain.facs import AU_LABELS
from agent.domain.frame import FrameStatus
from agent.domain.observation import EMOTIONS
from agent.evaluation.agreement import FEWEST, Rate
from agent.evaluation.bias import Kind, Measure
from agent.evaluation.differences import Said
from dashboard.charts import STATUS_COLOURS
from dashboard.compare import Verdict
from dashboard.documents.model import (
    Block,
    Bullets,
    Document,
    Fields,
    Figure,
    Heading,
    Paragraph,
    Table,
)
from dashboard.documents.notice import grouped, short_digest
from dashboard.report import accuracy, compared, draw
from dashboard.report.draw import Mark
from dashboard.report.sentences import short
from dashboard.report.speed import speed
from dashboard.report.writer import Writer
from dashboard.text import Text

if TYPE_CHECKING:
    from dashboard.report.facts import Facts

TEXTS = Path(__file__).with_name("report.toml")
_LIMITS = ("feelings", "renders", "rare", "turned", "hidden", "cause", "visits", "legal")


def build_report(facts: Facts, language: str) -> Document:
    """Return the report in one language."""
    writer = _Report(facts, load_words(language, TEXTS), Text(language))
    policy, words = facts.policy, writer.words
    first, last = (words.date(day) for day in (facts.days.first, facts.days.last))
    return Document(
        language=language,
        title=words("report.title"),
        subtitle=words("report.subtitle", site=policy.site, first=first, last=last),
        issued=facts.issued,
        footer=words(
            "report.footer", site=policy.site, digest=short_digest(policy.digest),
            date=words.date(facts.issued),
        ),
        blocks=tuple(writer.blocks()),
    )  # fmt: skip


class _Report(Writer):
    """All parts of a report, in order."""

    def blocks(self) -> Iterator[Block]:
        """Yield the whole report."""
        if self.facts.policy.demo:
            yield Paragraph(self.words("report.demo"))
        yield from self.summary()
        yield from self.head()
        yield from self.coverage()
        yield from self.seen()
        yield from compared.changes(self)
        yield from speed(self)
        yield from accuracy.accuracy(self)
        yield from compared.bias(self)
        yield from self.kept()
        yield from self.access()
        yield from self.limits()
        yield from self.appendix()
        yield from self.numbers()

    def head(self) -> Iterator[Block]:
        """Say what the report is about."""
        facts, policy, words = self.facts, self.facts.policy, self.words
        purpose = policy.purpose.get(words.language) or next(iter(policy.purpose.values()))
        bucket = self.text.duration(facts.newest.bucket_seconds)
        yield Heading(words("report.about_title"), level=3)
        yield Fields((
            (words("report.site"), policy.site),
            (words("report.operator"), policy.operator or policy.site),
            (words("report.purpose"), purpose),
            (words("report.period"), words(
                "report.period_value", first=words.date(facts.days.first),
                last=words.date(facts.days.last), n=self.some("day", len(facts.days)),
                timezone=policy.timezone,
            )),
            (words("report.rule"), words("report.rule_value", k=facts.newest.k, bucket=bucket)),
            (words("report.profile"), facts.profile.title[words.language]),
            (words("report.policy"), grouped(policy.digest[:32])),
            (words("report.issued"), words.date(facts.issued)),
        ))  # fmt: skip
        yield Paragraph(words("report.about"), note=True)

    def summary(self) -> Iterator[Block]:
        """Say the most important in a few sentences."""
        facts, words = self.facts, self.words
        found, speed = facts.page.coverage, facts.speed
        said = [words(
            "summary.coverage", usable=self.percent(found.usable_share),
            days=self.some("day", len(facts.days)),
            zones=self.some("place", len(facts.zones)), hidden=self.percent(found.hidden_share),
        )]  # fmt: skip
        if facts.hour_metric:
            said.append(words(
                "summary.movement", name=self.name(facts.hour_metric),
                rate=self.estimate(facts.page.whole[facts.hour_metric]),
            ))  # fmt: skip
        else:
            said.append(words("summary.no_movement"))
        said.append(
            words("summary.no_speed")
            if speed.median_ms is None
            else words("summary.speed", median=f"{speed.median_ms:.1f}",
                       hertz=f"{facts.policy.sampling_hz:g}")
        )  # fmt: skip
        said += [
            *self._changed(),
            self._reviewed(),
            self._mistaken(),
            self._stands_out(),
            self._deleted(),
        ]
        yield Heading(words("summary.title"))
        yield Bullets(tuple(sentence for sentence in said if sentence))

    def _reviewed(self) -> str:
        words, reviews = self.words, self.facts.reviews
        if reviews is None:
            return words("summary.not_reviewed")
        found = reviews.found.misjudged
        if found.value is None:
            return words("summary.few_reviewed", n=found.clips, least=FEWEST)
        return words("summary.reviewed", n=found.clips, rate=self.estimate(found))

    def _changed(self) -> Iterator[str]:
        for change in self.facts.changes:
            told = change.found.differences.values()
            moved = sum(one.verdict in {Verdict.HIGHER, Verdict.LOWER} for one in told)
            key = "changed" if moved else "unchanged"
            yield self.words(
                f"summary.{key}", marker=change.marker.told(self.words.language),
                date=self.words.date(change.marker.day), n=moved, m=len(told),
            )  # fmt: skip

    def _mistaken(self) -> str:
        """Say whether the model is wrong more often somewhere, where reviews can tell."""
        found = self.facts.bias.errors if self.facts.bias else ()
        told = [one for one in found if one.said is not Said.TOO_FEW]
        uneven = [one for one in told if one.said is Said.DIFFERENT]
        if not told:
            return ""
        kinds = [self.text(f"errors.kind.{one.kind.value}").lower() for one in uneven or told]
        if not uneven:
            return self.words("summary.not_mistaken", kinds=self.words.listed(kinds))
        said = [
            self.words("summary.mistaken_kind", kind=kind, groups=self._shares(one.kind))
            for kind, one in zip(kinds, uneven, strict=True)
        ]
        return self.words("summary.mistaken", kinds="; ".join(said))

    def _shares(self, kind: Kind) -> str:
        """Write the share of wrong labels of each group of a kind."""
        groups = self.facts.bias.groups if self.facts.bias else ()
        return self.words("list.comma").join(
            self.words(
                "summary.mistaken_group",
                name=short(self.text, kind, one.name),
                rate=self.estimate(Rate(one.value, one.low, one.high, one.samples), 0),
            )
            for one in groups
            if (one.kind, one.measure) == (kind, Measure.MISJUDGED) and one.value is not None
        )

    def _stands_out(self) -> str:
        bias = self.facts.bias
        if bias is None or not bias.groups:
            return ""
        if not bias.signs:
            return self.words("summary.even", n=len(bias.groups))
        count = len(bias.signs)
        return self.words(f"summary.uneven_{'one' if count == 1 else 'many'}", n=count)

    def _deleted(self) -> str:
        log = self.facts.log
        if log is None:
            return ""
        return self.words("summary.deleted", rounds=log.rounds, overdue=self._overdue())

    def _overdue(self) -> str:
        upkeep = self.facts.health.upkeep
        if upkeep is None or upkeep.overdue is None:
            return self.words("summary.overdue_unknown")
        if upkeep.overdue == 0:
            return self.words("summary.overdue_none")
        return self.words("summary.overdue_some", n=upkeep.overdue)

    def coverage(self) -> Iterator[Block]:
        """Say what the cameras could see."""
        words, found = self.words, self.facts.page.coverage
        times = {status.value: found.status_seconds[status] for status in FrameStatus}
        times["absent"] = found.absent_seconds
        whole = sum(times.values()) or 1.0
        names = {key: words(f"coverage.{key}") for key in times}
        parts = [
            (names[key], STATUS_COLOURS[key], seconds / whole)
            for key, seconds in times.items()
            if seconds / whole >= 0.002
        ]
        said = ", ".join(f"{name} {self.percent(share)}" for name, _, share in parts)
        yield Heading(words("coverage.title"))
        yield Paragraph(words("coverage.about"))
        yield Figure(draw.stacked(parts), words("coverage.alt", parts=said))
        yield Table(
            tuple(words(f"coverage.{key}") for key in ("status", "time", "share")),
            tuple(
                (names[key], self.text.duration(seconds), self.percent(seconds / whole, 1))
                for key, seconds in times.items()
                if seconds
            ),
            widths=(5, 3, 2),
            align=("left", "right", "right"),
        )
        yield Heading(words("coverage.hidden"), level=3)
        shown = found.cells - sum(found.hidden.values())
        counted = {"shown": shown} | {reason.value: n for reason, n in found.hidden.items()}
        yield Table(
            tuple(words(f"coverage.{key}") for key in ("reason", "buckets", "share")),
            tuple(
                (words(f"coverage.{key}"), f"{n:,}", self.percent(n / (found.cells or 1), 1))
                for key, n in counted.items()
            ),
            widths=(5, 3, 2),
            align=("left", "right", "right"),
        )
        if found.peak is not None:
            yield Paragraph(words("coverage.peak", peak=found.peak), note=True)

    def seen(self) -> Iterator[Block]:
        """Say what was observed."""
        words, whole = self.words, self.facts.page.whole
        yield Heading(words("seen.title"))
        rates = {a: whole[au_rate(a)] for a in AU_LABELS if au_rate(a) in whole}
        if not rates:
            yield Paragraph(words("seen.nothing"))
            return
        yield Paragraph(words("seen.about"))
        order = sorted(rates, key=lambda label: -rates[label].value)
        yield Figure(
            draw.intervals([
                Mark(self.name(au_rate(a)), rates[a].value, rates[a].low, rates[a].high,
                     f"{self.estimate(rates[a])}  {self.facts.grades[a]}")
                for a in order
            ], right=190),
            words("seen.alt"),
        )  # fmt: skip
        samples, tracks = (max(getattr(one, n) for one in rates.values())
                           for n in ("samples", "tracks"))  # fmt: skip
        yield Paragraph(
            words("seen.behind", samples=f"{samples:,}", visits=f"{tracks:,}"), note=True
        )
        yield from self._categories()

    def numbers(self) -> Iterator[Block]:
        """Give the table behind the chart of movements."""
        words, whole = self.words, self.facts.page.whole
        rates = {a: whole[au_rate(a)] for a in AU_LABELS if au_rate(a) in whole}
        if not rates:
            return
        order = sorted(rates, key=lambda label: -rates[label].value)
        yield Heading(words("seen.numbers"), level=3)
        header = ("movement", "rate", "grade", "samples", "visits")
        yield Table(
            tuple(words(f"seen.{key}") for key in header),
            tuple(
                (self.name(au_rate(a)), self.estimate(rates[a]), self.facts.grades[a],
                 f"{rates[a].samples:,}", f"{rates[a].tracks:,}")
                for a in order
            ),
            widths=(5, 4.4, 2.1, 2, 1.5),
            align=("left", "right", "left", "right", "right"),
        )  # fmt: skip

    def _categories(self) -> Iterator[Block]:
        words, whole = self.words, self.facts.page.whole
        found = {e: whole[emotion_share(e)] for e in EMOTIONS if emotion_share(e) in whole}
        if not found:
            return
        yield Heading(words("seen.categories"), level=3)
        yield Paragraph(words("seen.caveat"))
        yield Table(
            (words("seen.category"), words("coverage.share")),
            tuple((self.text(f"emotion.{e}"), self.estimate(one)) for e, one in found.items()),
            widths=(5, 5),
            align=("left", "right"),
        )

    def kept(self) -> Iterator[Block]:
        """Say what is kept and what was deleted."""
        words, facts = self.words, self.facts
        kept = facts.policy.retention
        lives = {
            "records": kept.records, "aggregates": kept.aggregates, "daily": kept.daily,
            "access_log": kept.access_log,
        }  # fmt: skip
        yield Heading(words("kept.title"))
        yield Table(
            (words("kept.what"), words("kept.most")),
            (
                (words("kept.images"), words("kept.never")),
                *((words(f"kept.{key}"), words.duration(life)) for key, life in lives.items()),
            ),
            widths=(6, 4),
        )
        yield Heading(words("kept.receipts"), level=3)
        log = facts.log
        if log is None:
            yield Paragraph(words("report.missing", why=facts.missing.get("log", "–")))
            return
        last = log.last_deletion
        numbers = sum(log.deleted.get(f"{tier}_rows", 0) for tier in ("aggregates", "daily"))
        yield Fields((
            (words("kept.rounds"), f"{log.rounds:,}"),
            (words("kept.failed"), f"{log.failed:,}"),
            (words("kept.last"), self.moment(last) if last else "–"),
            (words("kept.deleted"), words(
                "kept.deleted_value", records=f"{log.deleted.get('records_rows', 0):,}",
                numbers=f"{numbers:,}",
            )),
            (words("kept.overdue"), self._overdue()),
        ))  # fmt: skip

    def access(self) -> Iterator[Block]:
        """Count who did what."""
        words, log = self.words, self.facts.log
        yield Heading(words("access.title"))
        yield Paragraph(words("access.about"))
        if log is None:
            yield Paragraph(words("report.missing", why=self.facts.missing.get("log", "–")))
            return
        if not log.entries:
            yield Paragraph(words("access.nothing"))
            return
        rows = [(words(f"access.{action.value}"), f"{n:,}") for action, n in log.actions.items()]
        rows += [(words("access.refused"), f"{log.refused:,}"),
                 (words("access.entries"), f"{log.entries:,}")]  # fmt: skip
        yield Table(
            (words("access.action"), words("access.count")),
            tuple(rows),
            widths=(7, 3),
            align=("left", "right"),
        )

    def limits(self) -> Iterator[Block]:
        """Say what the numbers can't carry."""
        yield Heading(self.words("limits.title"))
        yield Bullets(tuple(self.words(f"limits.{key}") for key in _LIMITS))

    def appendix(self) -> Iterator[Block]:
        """Name models and versions."""
        words, facts = self.words, self.facts
        yield Heading(words("appendix.title"), new_page=True)
        yield Table(
            tuple(words(f"appendix.{key}") for key in ("model", "version", "parameters", "digest")),
            tuple(
                (c.name, c.version, f"{c.parameters:,}", grouped(c.sha256[:16]))
                for c in facts.cards
            ),
            widths=(3, 1.5, 2.5, 4),
            align=("left", "left", "right", "left"),
        )
        yield Fields((
            (words("appendix.used"), ", ".join(facts.newest.models) or words("report.none")),
            (words("appendix.software"), words(
                "appendix.software_value", omokage=facts.speed.omokage, python=facts.speed.python,
            )),
        ))  # fmt: skip
