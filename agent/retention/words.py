"""Reasons, refusals and doubts as sentences, in Japanese and English. Pure.

A sentence's `{at}` is an instant in the words of the site's clock, its `{reason}` a legal hold's.
"""

from __future__ import annotations

from collections.abc import Mapping

from agent.domain.retention import Tier
from agent.retention.plan import Why
from agent.retention.safety import Stop
from agent.retention.trust import Doubt

Words = Mapping[str, str]

TIERS: Mapping[Tier, Words] = {
    Tier.RECORDS: {"en": "sealed records", "ja": "封印した記録"},
    Tier.AGGREGATES: {"en": "released numbers", "ja": "公開した数字"},
    Tier.DAILY: {"en": "daily numbers", "ja": "1日ごとの数字"},
    Tier.ACCESS_LOG: {"en": "access log", "ja": "アクセス記録"},
}

REASONS: Mapping[Why, Words] = {
    Why.PAST_DEADLINE: {
        "en": "past its own deadline, {at}",
        "ja": "書き込んだときに決まった期限（{at}）を過ぎました",
    },
    Why.POLICY_SHORTER: {
        "en": "the policy became shorter: was due {at}",
        "ja": "ポリシーの保存期間が短くなりました（期限：{at}）",
    },
    Why.UNDATABLE: {
        "en": "can't be dated, so it goes",
        "ja": "時刻が分からないため消します",
    },
    Why.HELD: {
        "en": "held until {at}: {reason}",
        "ja": "{at}まで保全しています：{reason}",
    },
    Why.DUE_LATER: {"en": "due on {at}", "ja": "{at}に消えます"},
    Why.FROM_THE_FUTURE: {
        "en": "dated in the future by a wrong clock; goes by {at}",
        "ja": "時計の誤りで未来の日付になっています（{at}までに消えます）",
    },
}

STOPS: Mapping[Stop, Words] = {
    Stop.MANY_AT_ONCE: {
        "en": (
            "{rows} rows would go before their own deadline because the policy became shorter; "
            "look at `omokage policy plan`, then agree with `omokage policy apply --delete`"
        ),
        "ja": (
            "ポリシーが短くなったため、{rows}件が本来の期限より早く消えることになります。"
            "`omokage policy plan`で確かめ、`omokage policy apply --delete`で承認してください"
        ),
    },
    Stop.OTHER_DATABASE: {
        "en": (
            "the records' database is new, or another than before, although the keys have been in "
            "use: nothing is deleted. Bring the old one back, or say with `omokage policy "
            "start-over` that it is lost, or that there never was one"
        ),
        "ja": (
            "鍵はすでに使われているのに、記録のデータベースが新しいか、以前のものと違います。"
            "消去は止めています。元に戻すか、失われた場合や初めから無かった場合は"
            "`omokage policy start-over`を実行してください"
        ),
    },
}

DOUBTS: Mapping[Doubt, Words] = {
    Doubt.AHEAD: {
        "en": (
            "the clock jumped ahead to {at}; nothing is deleted early. Set it right, or confirm it "
            "with `omokage policy apply --clock-is-right`"
        ),
        "ja": (
            "時計が{at}へ急に進みました。期限前に消すことはありません。時計を直すか、正しければ"
            "`omokage policy apply --clock-is-right`で確認してください"
        ),
    },
    Doubt.BEHIND: {
        "en": (
            "the clock fell back to {at}; rows from the future are kept. Set it right, or confirm "
            "it with `omokage policy apply --clock-is-right`"
        ),
        "ja": (
            "時計が{at}へ戻りました。未来の日付の記録は残しています。時計を直すか、正しければ"
            "`omokage policy apply --clock-is-right`で確認してください"
        ),
    },
}
