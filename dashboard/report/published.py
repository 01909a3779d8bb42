"""The models' published tests as rows of a table: name of the test, its data, its score. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent.domain.words import Words
    from dashboard.report.facts import Card

Row = tuple[str, str, str]

_SHOWN = (
    # card, split, score, whether it is a share, key of the test's name, key of the data's name
    ("face_detector", "photos_live", "recall", True, "found", "found_data"),
    ("face_detector", "photos_live", "precision", True, "precise", "found_data"),
    ("face_encoder", "renders_held_out", "au_mean_r", False, "aus", "aus_data"),
    ("face_encoder", "london", "AU12", False, "smile", "smile_data"),
    ("emotion_head", "ferplus_valid", "accuracy", True, "classes", "classes_data"),
    ("emotion_head", "ferplus_valid", "mean_recall", True, "recall", "classes_data"),
)


def published(cards: Sequence[Card], words: Words) -> Iterator[Row]:
    """Yield a row for each test that the cards name; a test that a card lacks is left out."""
    by_name = {card.name: card.scores for card in cards}
    for card, split, score, share, test, data in _SHOWN:
        found = by_name.get(card, {}).get(split)
        if isinstance(found, Mapping) and isinstance(found.get(score), float):
            told = words(f"accuracy.{data}", **{k: _told(v) for k, v in found.items() if _plain(v)})
            yield (
                words(f"accuracy.{test}"),
                f"{told}\n({split})",
                _score(found, score, share, words),
            )


def _told(value: object) -> object:
    """Write large whole numbers as the rest of the report does."""
    return f"{value:,}" if isinstance(value, int) else value


def _plain(value: object) -> bool:
    return isinstance(value, int | float | str)


def _score(found: Mapping[str, Any], name: str, share: bool, words: Words) -> str:
    value = _number(found[name], share)
    ends = found.get(f"{name}_95")
    if not isinstance(ends, list) or len(ends) != 2:
        return f"{value}\n{words('accuracy.no_interval')}"
    low, high = (_number(end, share) for end in ends)
    return words("report.interval", value=value, low=low.rstrip("%\u202f"), high=high)


def _number(value: float, share: bool) -> str:
    return f"{100 * value:.1f}\u202f%" if share else f"{value:.2f}"
