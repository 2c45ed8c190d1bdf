"""What could not be processed, with its reason, and whole."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from flask import abort, redirect, render_template, request, url_for

from shopalytic.accounts.db import reading
from shopalytic.events.event import Drop, Quarantine, QuarantineReason
from shopalytic.events.message import Envelope
from shopalytic.events.parse import parse_envelope
from shopalytic.events.sentences import QUARANTINE
from shopalytic.identity.judging import read_judge
from shopalytic.pipeline.ids import read_message
from shopalytic.pipeline.judge import judge as judge_by_plan
from shopalytic.pipeline.mend import Rule, parse_rule
from shopalytic.pipeline.replay import find_replayable, replay, take_off_list
from shopalytic.reports.events_by_id import events_by_id
from shopalytic.reports.period import parse_sql_instant
from shopalytic.reports.quarantine_reasons import quarantine_reasons
from shopalytic.reports.quarantined import Quarantined, quarantined
from shopalytic.reports.quarantined_by_id import quarantined_by_id
from shopalytic.settings import get_secret_key
from shopalytic.web.dashboard.access import get_parts, get_plans, here, owners_only, pages
from shopalytic.web.dashboard.formats import local

PAGE_MESSAGES = 50
ALL_AT_ONCE = 2000
"""Messages that one click may send back, so that the page does not wait long and the queue's memory is not filled."""
LOOKED_AT_ONCE = 20_000
"""Of which a rule may fit but a few."""
ROWS_AT_ONCE = 500
TEXT_LIMIT = 20_000
"""Of one message, so that a page of the largest ones can still be opened on a phone."""

REASONS = {
    QuarantineReason.NOT_READABLE: "Not readable",
    QuarantineReason.NO_EVENT_NAME: "No event name",
    QuarantineReason.NO_ID: "No id",
    QuarantineReason.FORBIDDEN_ID: "Forbidden id",
    QuarantineReason.BAD_TIMESTAMP: "Bad timestamp",
    QuarantineReason.EMAIL_IN_USE: "E-mail in use",
    QuarantineReason.STORE_REFUSED: "Refused by the store",
    QuarantineReason.PIPELINE_FAILED: "A fault of ours",
    QuarantineReason.AGAINST_PLAN: "Against the tracking plan",
}


@dataclass(frozen=True)
class Waiting:
    """One message to show. at: when it was received, in the project's zone. advice: what would be right.
    text: the message as it was sent, indented where it is JSON. is_cut: the text is longer than what is shown. is_damaged: it can only be looked at.
    mended: the message as the rule leaves it, '' where it changes nothing or there is none. verdict: what would become of
    that."""

    row: Quarantined
    at: datetime
    label: str
    reason: str
    advice: str
    text: str
    is_cut: bool
    is_damaged: bool
    mended: str
    verdict: str
    facts: list[tuple[str, str]]


@pages.get("/quarantine", endpoint="quarantine")
def show_quarantine() -> str:
    reason = request.args.get("reason", "")
    rule, problem = None, ""
    try:
        rule = find_rule(request.args)
    except ValueError as error:
        problem = str(error)
    store, project = get_parts().store, here().values
    try:
        page = quarantined(
            store, project, reason=reason, limit=PAGE_MESSAGES, cursor=request.args.get("cursor", "")
        )
    except ValueError as error:
        abort(400, f"The address is wrong: {error}.")
    counts = quarantine_reasons(store, project)
    return render_template(
        "dashboard/quarantine.html",
        messages=[make_waiting(row, project.time_zone, rule) for row in page.messages],
        next=page.next,
        reason=reason,
        reasons=[(count.reason, name_reason(count.reason), count.messages) for count in counts],
        total=sum(count.messages for count in counts),
        rule=rule,
        problem=problem,
        form=request.args,
        replayed=request.args.get("replayed", type=int),
        all_at_once=ALL_AT_ONCE,
    )


@pages.post("/quarantine/replay", endpoint="replay")
@owners_only
def take_replay() -> Any:
    """The messages of the form go back into the queue. One that has gone already, on another page, is left out."""
    try:
        rule = find_rule(request.form)
    except ValueError as error:
        abort(400, f"The rule is wrong: {error}.")
    reason = request.form.get("reason", "")
    if reason and request.form.get("all"):
        went = replay_all(reason, rule)
    else:
        ids = request.form.getlist("id")[:PAGE_MESSAGES]
        went = replay_rows(quarantined_by_id(get_parts().store, here().values, ids), rule)
    return redirect(url_for("dashboard.quarantine", reason=reason or None, replayed=went))


def replay_all(reason: str, rule: Rule | None) -> int:
    """The messages with the reason, page by page, up to a number of them. Gives how many went."""
    went = looked = 0
    cursor: str | None = ""
    while cursor is not None and went < ALL_AT_ONCE and looked < LOOKED_AT_ONCE:
        page = quarantined(get_parts().store, here().values, reason=reason, limit=ROWS_AT_ONCE, cursor=cursor)
        went += replay_rows(page.messages[::-1], rule)
        looked += len(page.messages)
        cursor = page.next
    return went


def replay_rows(rows: list[Quarantined], rule: Rule | None) -> int:
    """rows: the first received first. Gives how many went, without those that are events by now."""
    parts, project_id = get_parts(), here().values.project_id
    stored = find_stored(rows)
    take_off_list(parts.store, project_id, [row.id for row in rows if row.message_id in stored])
    pairs = [(row.id, row.envelope) for row in rows if row.message_id not in stored]
    return replay(parts.stream, parts.store, project_id, pairs, rule, plan_id=here().project.plan_id)


def find_stored(rows: list[Quarantined]) -> set[str]:
    """Message ids of those that are events by now.

    A worker that died after it had set a message aside, and stored it when it repeated the batch, leaves such a row;
    replayed, the message would count twice.
    """
    ids = [row.message_id for row in rows if row.message_id]
    if not ids:
        return set()
    since = parse_sql_instant(min(row.received_at for row in rows))
    events = events_by_id(get_parts().store, here().values, ids, received_since=since)
    return {event.message_id for event in events}


def find_rule(values: Mapping[str, str]) -> Rule | None:
    """The rule of a form; None where none is chosen. Raises ValueError."""
    kind = values.get("rule", "")
    return parse_rule(kind, values.get("at", ""), values.get("value", "")) if kind else None


def make_waiting(row: Quarantined, time_zone: str, rule: Rule | None = None) -> Waiting:
    envelope = parse_envelope(row.envelope.encode())
    text, event = _read(bytes(envelope.message))
    plan_id = here().project.plan_id
    now_ms = time.time_ns() // 1_000_000
    mended = find_replayable(row.envelope, rule, plan_id=plan_id, now_ms=now_ms) if rule else None
    facts = (
        ("Reason", row.reason),
        ("Message id", row.message_id),
        ("Came through", envelope.door),
        ("Received", f"{row.received_at[:19]} UTC"),
    )
    return Waiting(
        row=row,
        at=local(row.received_at, time_zone),
        label=row.event or event or "Message",
        reason=name_reason(row.reason),
        advice={str(known): advice for known, advice in QUARANTINE.items()}.get(row.reason, ""),
        text=text[:TEXT_LIMIT],
        is_cut=len(text) > TEXT_LIMIT,
        is_damaged=find_replayable(row.envelope) is None,
        mended=_read(bytes(mended.message))[0][:TEXT_LIMIT] if mended else "",
        verdict=judge(mended) if mended else "",
        facts=[(name, value) for name, value in facts if value],
    )


def judge(envelope: Envelope) -> str:
    """What would become of a message, as far as the message alone tells."""
    with reading(get_parts().sessions) as db:
        id_judge = read_judge(db, envelope.project_id, get_secret_key(get_parts().settings))
    found = read_message(envelope, time.time_ns() // 1_000_000, id_judge)
    if isinstance(found, Quarantine):
        return f"It would come back: {found.detail}"
    decided = judge_by_plan(found, get_plans().find(envelope.plan_id))
    if isinstance(decided, Quarantine):
        return f"It would come back: {decided.detail}"
    if isinstance(decided, Drop):
        return f"The tracking plan would refuse it: {', '.join(decided.violations)}."
    wrong = ", ".join(found.event.violations)
    return f"It would be taken, with something left to mend: {wrong}" if wrong else "It would be taken."


def name_reason(reason: str) -> str:
    """A reason that this version does not know, of a later one's worker, stands as it is."""
    return {str(known): name for known, name in REASONS.items()}.get(reason, reason)


def _read(raw: bytes) -> tuple[str, str]:
    """(the message to read, its event's name). What is no JSON stands as it came, without a name."""
    try:
        found = msgspec.json.decode(raw)
        text = msgspec.json.format(raw, indent=2).decode("utf-8", "replace")
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return raw.decode("utf-8", "replace"), ""
    named = (found.get("event") or found.get("type")) if isinstance(found, dict) else ""
    return text, named if isinstance(named, str) else ""
