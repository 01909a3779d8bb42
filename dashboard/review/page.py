"""The reviewer's page: locked, or one clip after the other. What is decided lives in `desk`.

Decrypted records stay in this tab's secret store. Only the answers given so far are in the page's
state, under a key that locking clears too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from agent.clock import SystemClock
from agent.domain.facs import AU_LABELS
from agent.domain.review import Coding, Mark, Reason, Task, Verdict, read_coding
from agent.errors import AgentError, PassphraseWrong
from dashboard import queries
from dashboard.review import player
from dashboard.review.desk import Desk, Loaded, Stage, open_desk, persons
from dashboard.session import SECRET_PREFIX, lock_now, secret_store
from dashboard.views.common import local

if TYPE_CHECKING:
    from agent.config.site import Site
    from agent.domain.account import User
    from agent.domain.policy import Policy
    from agent.review.queue import Progress
    from dashboard.text import Text

DESK = "review.desk"
STAGE = f"{SECRET_PREFIX}review.stage"
SAID = "review.said"
"""What the page says once, after the next draw: an outcome, never a record."""
REFUSED = "review.refused"
"""Why a judgement couldn't be handed in, said once; it is still there to be submitted again."""
MINUTES_A_CLIP = 0.75
LOOK_EVERY_SECONDS = 15
REASONS = {
    Verdict.FIX: (Reason.MOVEMENT_MISSED, Reason.MOVEMENT_WRONG, Reason.CLASS_WRONG),
    Verdict.REJECT: (
        Reason.MOVEMENT_MISSED, Reason.MOVEMENT_WRONG, Reason.CLASS_WRONG, Reason.TALKING,
        Reason.TRACK_JUMPED,
    ),
    Verdict.CANNOT_TELL: (
        Reason.HEAD_TURNED, Reason.TALKING, Reason.TRACK_JUMPED, Reason.TOO_SHORT,
    ),
    Verdict.NOT_CAPTURED: (Reason.CHILD, Reason.NOT_A_PERSON, Reason.OUTSIDE_AREA),
}  # fmt: skip


def show(words: Text, user: User) -> None:
    """Draw the page for a reviewer."""
    place = queries.site()
    policy = queries.policy(place)
    if policy is None:
        st.title(words("review.title"), anchor=False)
        st.error(words("review.locked.no_policy"), icon=":material/error:")
        return
    desk = secret_store().get(DESK)
    if isinstance(desk, Desk):
        _unlocked(words, desk)
    else:
        _locked(words, place, policy, user)


def _locked(words: Text, place: Site, policy: Policy, user: User) -> None:
    st.session_state.pop(STAGE, None)
    st.title(words("review.title"), anchor=False)
    st.markdown(words("review.intro"))
    try:
        needed = persons(place)
    except AgentError as error:
        detail = words("review.locked.no_vault", detail=str(error), advice=error.advice)
        st.warning(detail, icon=":material/key_off:")
        return
    _refused(words)
    with st.form("review.unlock", width=620, clear_on_submit=True):
        st.markdown(f"#### {words('review.locked.title')}")
        st.markdown(words("review.locked.what"))
        one = needed == 1
        many = words("review.locked.persons_many", n=needed)
        st.caption(words("review.locked.persons_one") if one else many)
        typed = [
            st.text_input(
                words("review.locked.passphrase" if one else "review.locked.passphrase_n", n=i + 1),
                type="password",
                autocomplete="off",
                key=f"{SECRET_PREFIX}passphrase.{i}",
            )
            for i in range(needed)
        ]
        purpose = st.text_input(
            words("review.locked.purpose"),
            value=words("review.locked.purpose_default"),
            max_chars=200,
            key="review.purpose",
        )
        asked = st.form_submit_button(
            words("review.locked.unlock"), type="primary", icon=":material/lock_open:"
        )
    if asked:
        if not purpose.strip():
            st.error(words("review.locked.no_purpose"))
        elif not all(typed):
            st.error(words("review.locked.no_passphrase"))
        else:
            _unlock(words, place, policy, user, typed, purpose)


def _unlock(
    words: Text, place: Site, policy: Policy, user: User, typed: list[str], purpose: str
) -> None:
    try:
        desk = open_desk(place, policy, user, typed, purpose, SystemClock().now())
        _scan(words, desk)
    except PassphraseWrong:
        st.error(words("review.locked.wrong"), icon=":material/lock:")
        return
    except AgentError as error:
        st.error(words("review.locked.refused", detail=str(error), advice=error.advice))
        return
    secret_store().put(DESK, desk, close=desk.close)
    st.rerun()


def _scan(words: Text, desk: Desk) -> None:
    bar = st.progress(0.0, words("review.opening"))

    def said(share: float) -> None:
        bar.progress(share, words("review.opening"))

    desk.scan(SystemClock().now(), said)
    bar.empty()


def _unlocked(words: Text, desk: Desk) -> None:
    st.fragment(_lock_in_time, run_every=LOOK_EVERY_SECONDS)()
    now = SystemClock().now()
    try:
        tasks, done = desk.tasks(now)
        _bar(words, tasks, done)
        _refused(words)
        _troubles(words, desk)
        if not tasks:
            _empty(words, desk, done)
            return
        loaded = desk.load(tasks[0], now)
        if loaded is None:
            st.info(words("review.gone"))
            st.button(words("review.next"), type="primary")
            return
        _clip(words, desk, loaded)
        desk.prefetch(tasks, now)
    except AgentError as error:
        st.error(words("review.locked.refused", detail=str(error), advice=error.advice))


def _lock_in_time() -> None:
    """Clear the screen when the secrets are forgotten, also if nobody touches the page."""
    if not isinstance(secret_store().get(DESK), Desk):
        st.rerun()


def _bar(words: Text, tasks: list[Task], done: Progress) -> None:
    # One line, so that face, curves and answers fit on a laptop's screen together.
    row = st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    )
    row.title(words("review.title"), anchor=False, width="content")
    if tasks:
        minutes = max(1, math.ceil(done.waiting * MINUTES_A_CLIP))
        text = words("review.week", n=done.done + 1, m=done.total, minutes=minutes)
        # Beside the progress, not above the clip: the answers stay where the hand expects them.
        said = st.session_state.pop(SAID, None)
        thanks = f":green[:material/check:] **{words(said)}** " if said else ""
        row.progress(done.done / done.total, thanks + text, width=460)
    row.button(words("review.lock"), on_click=lock_now, icon=":material/lock:", key="review.lock")


def _refused(words: Text) -> None:
    refused = st.session_state.pop(REFUSED, None)
    if refused:
        detail, advice = refused
        st.error(words("review.locked.refused", detail=detail, advice=advice))


def _troubles(words: Text, desk: Desk) -> None:
    kinds = desk.trouble.kinds
    if kinds:
        names = ", ".join(f"{name} {count}" for name, count in sorted(kinds.items()))
        st.warning(words("review.trouble", n=sum(kinds.values()), kinds=names))


def _empty(words: Text, desk: Desk, done: Progress) -> None:
    if said := st.session_state.pop(SAID, None):
        st.success(words(said), icon=":material/check:")
    text = words("review.empty.done", n=done.done) if done.done else words("review.empty.none")
    st.info(f"**{words('review.empty.title')}**\n\n{text}", icon=":material/task_alt:")
    if st.button(words("review.scan"), key="review.scan"):
        _scan(words, desk)
        st.rerun()


def _stage(loaded: Loaded) -> Stage:
    """Return where the reviewer stands with this clip; a new clip begins anew."""
    found = st.session_state.get(STAGE)
    name = str(loaded.task.clip.id)
    if not isinstance(found, Stage) or found.clip != name:
        found = Stage(name)
        st.session_state[STAGE] = found
    return found


def _clip(words: Text, desk: Desk, loaded: Loaded) -> None:
    stage, clip = _stage(loaded), loaded.task.clip
    where = {
        "zone": clip.zone,
        "at": local(clip.at, "%m-%d %H:%M:%S"),
        "seconds": clip.seconds,
        "deadline": local(clip.deadline, "%m-%d %H:%M"),
    }
    if stage.coding is None:
        st.markdown(words("review.step.code"))
    else:
        _compared(words, loaded, stage.coding)
    if loaded.task.sampling.second:
        st.caption(words("review.second"))
    if stage.coding is not None:
        _judge(words, desk, loaded, stage)
    _play(words, loaded, stage)
    st.caption(words("review.where", **where))
    with st.expander(words("review.keys.title"), icon=":material/keyboard:", key="review.keys"):
        st.markdown(words("review.keys.coding"))
        st.markdown(words("review.keys.judging"))


def _play(words: Text, loaded: Loaded, stage: Stage) -> None:
    blind = stage.coding is None
    mode = "code" if blind else ("fix" if stage.verdict is Verdict.FIX else "show")
    data = player.replay(
        words,
        loaded.task.clip,
        loaded.rows,
        mode=mode,
        coding=(stage.final if mode == "fix" else None) or stage.coding,
        model=None if blind else loaded.model,
    )
    key = f"{SECRET_PREFIX}review.player.{mode}.{loaded.task.clip.id}"

    def heard(sent: Mapping[str, Any]) -> None:
        if not blind and (verdict := _judged(sent)) is not None:
            _choose(stage, verdict)
        coding = _submitted(sent, stage.clip)
        if coding is None or mode == "show":
            return
        if blind:
            stage.coding = coding
        else:
            stage.final = coding

    player.mount(data, key, heard)


def _judged(result: Any) -> Verdict | None:
    """Return the verdict whose letter was pressed in the player, if any."""
    letter = result.get("judged") if result else None
    letters = {letter.lower(): verdict for verdict, letter in player.SHORTCUTS.items()}
    return letters.get(letter) if isinstance(letter, str) else None


def _submitted(result: Any, clip: str) -> Coding | None:
    """Return what the browser sent, checked; None where it sent nothing or nonsense."""
    sent = result.get("coded") if result else None
    if not isinstance(sent, Mapping) or sent.get("id") != clip:
        return None
    try:
        return read_coding(sent)
    except ValueError:
        return None


def _compared(words: Text, loaded: Loaded, coding: Coding) -> None:
    """Say where the blind coding and the model differ."""
    pairs = [
        (label, mark is Mark.PRESENT, said)
        for label, mark, said in zip(AU_LABELS, coding.marks, loaded.model.present, strict=True)
        if mark is not Mark.UNSEEN and said is not None
    ]
    differ = [label for label, mine, said in pairs if mine != said]
    said = words("review.step.same")
    if differ:
        said = words("review.step.differ", n=len(differ), m=len(pairs), names=", ".join(differ))
    lines = f"{words('review.step.judge')} {said}", _classes(words, loaded, coding)
    st.markdown("  \n".join(lines), help=words("review.step.frozen"))


def _classes(words: Text, loaded: Loaded, coding: Coding) -> str:
    label = loaded.model.label
    if label is None or loaded.model.emotion is None:
        return words("review.step.no_class")
    mine = coding.expression
    share = words("review.step.share", percent=words.percent(max(loaded.model.emotion)))
    return words(
        "review.step.class",
        you=words(f"emotion.{mine}") if mine else words("review.board.nothing"),
        model=words(f"emotion.{label}"),
        share=share,
    )


def _judge(words: Text, desk: Desk, loaded: Loaded, stage: Stage) -> None:
    row = st.container(horizontal=True, gap="small")
    for verdict, shortcut in player.SHORTCUTS.items():
        row.button(
            words(f"review.verdict.{verdict.value}"),
            key=f"review.verdict.{verdict.value}",
            shortcut=shortcut,
            type="primary" if stage.verdict is verdict else "secondary",
            on_click=_choose,
            args=(stage, verdict),
        )
    if stage.verdict is None:
        return
    if stage.verdict is Verdict.FIX:
        st.caption(words("review.step.fixed" if stage.final else "review.step.fix"))
    if stage.verdict is Verdict.NOT_CAPTURED:
        st.warning(words("review.step.not_captured"), icon=":material/delete:")
    last = st.container(
        horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"
    )
    if reasons := REASONS.get(stage.verdict):
        last.pills(
            words("review.step.reasons"),
            reasons,
            selection_mode="multi",
            format_func=lambda reason: words(f"review.reason.{reason.value}"),
            key=_reasons_key(stage),
            width="stretch",
        )
    last.button(
        words("review.step.submit"),
        type="primary",
        shortcut="Ctrl+Enter",
        disabled=not stage.complete,
        key="review.submit",
        on_click=_submit,
        args=(desk, loaded, stage),
    )


def _reasons_key(stage: Stage) -> str:
    return f"review.reasons.{stage.verdict}.{stage.clip}"


def _submit(desk: Desk, loaded: Loaded, stage: Stage) -> None:
    """Hand a judgement in, before the page is drawn anew; a refusal is said on it."""
    if not stage.complete:
        return
    reasons = tuple(Reason(reason) for reason in st.session_state.get(_reasons_key(stage)) or ())
    try:
        desk.hand_in(loaded, stage, reasons, SystemClock().now())
    except AgentError as error:
        st.session_state[REFUSED] = (str(error), error.advice)
        return
    st.session_state.pop(STAGE, None)
    st.session_state[SAID] = "review.thanks"


def _choose(stage: Stage, verdict: Verdict) -> None:
    stage.verdict = verdict
    if verdict is not Verdict.FIX:
        stage.final = None
