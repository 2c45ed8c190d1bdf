"""The table of calls. Routes and the OpenAPI document are both made from it, so that they cannot disagree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from shopalytic.events.plan import Plan, parse_plan
from shopalytic.web.api import conflicts, customers, decisions, erasures, events, plan, reports, tracking
from shopalytic.web.api.answers import (
    CountersAnswer,
    CustomerAnswer,
    DecisionAnswer,
    DecisionsAnswer,
    ErasureAnswer,
    ErasureRecord,
    ErasuresAnswer,
    EventsAnswer,
    ExportAnswer,
    IdentityAnswer,
    PlanAnswer,
    PropertyAnswer,
    StopRecordAnswer,
    StopsAnswer,
    TrackingAnswer,
)
from shopalytic.web.api.checks import CheckAnswer, CheckBegunAnswer, CheckBody, begin_check, get_check
from shopalytic.web.api.parameters import (
    CustomerEventsQuery,
    CustomerQuery,
    DecisionsQuery,
    ErasureBody,
    EventsQuery,
    MergeBody,
    NoQuery,
    PlanQuery,
    ReportQuery,
    SavePlanQuery,
    SplitBody,
    TrackingBody,
    UndoBody,
    UndoDecisionBody,
    parse_body,
)


@dataclass(frozen=True)
class Call:
    """One call: `answer` gets what was asked (Asked), the parsed query and the path's parts by name.

    path: as Flask routes it, below /api/v1. statuses: what it may answer besides 200, 400, 401 and 503. body: what it
    takes as JSON, handed on as `body` by `parse`; None: nothing. is_streamed: `answer` gives JSON in pieces.
    has_sandbox: it may be asked about the sandbox's data; what is the project's own has none.
    """

    name: str
    path: str
    sentence: str
    answer: Callable[..., Any]
    query: type[msgspec.Struct]
    answers: Any
    statuses: tuple[int, ...] = ()
    method: str = "GET"
    body: type[msgspec.Struct] | None = None
    parse: Callable[[Any, bytes], Any] = parse_body
    is_body_required: bool = False
    is_streamed: bool = False
    has_sandbox: bool = True


CALLS = (
    Call(
        "counters",
        "/counters",
        "What became of all messages of the project, since it began.",
        events.get_counters,
        NoQuery,
        CountersAnswer,
    ),
    Call(
        "find_customer",
        "/customers",
        "The customer who has an id.",
        customers.get_customer,
        CustomerQuery,
        CustomerAnswer,
        (404,),
    ),
    Call(
        "customer_events",
        "/customers/<uuid:customer_id>/events",
        "A customer's history, newest first.",
        customers.get_customer_events,
        CustomerEventsQuery,
        EventsAnswer,
        (404,),
    ),
    Call(
        "customer_identity",
        "/customers/<uuid:customer_id>/identity",
        "Why these ids are one customer.",
        customers.get_identity,
        NoQuery,
        IdentityAnswer,
        (404,),
    ),
    Call(
        "customer_property",
        "/customers/<uuid:customer_id>/properties/<name>",
        "A property of a customer, and the values that it had.",
        customers.get_property,
        NoQuery,
        PropertyAnswer,
        (404,),
    ),
    Call(
        "export_customer",
        "/customers/<uuid:customer_id>/export",
        "All that is known of a customer, as one file.",
        erasures.export_customer,
        NoQuery,
        ExportAnswer,
        (404,),
        is_streamed=True,
    ),
    Call(
        "undo_link",
        "/customers/<uuid:customer_id>/undo",
        "Have one of a customer's links count for nothing.",
        decisions.undo,
        NoQuery,
        DecisionAnswer,
        (404,),
        "POST",
        UndoBody,
        is_body_required=True,
    ),
    Call(
        "split_customer",
        "/customers/<uuid:customer_id>/split",
        "Make a customer of its own of some of a customer's ids.",
        decisions.split,
        NoQuery,
        DecisionAnswer,
        (404,),
        "POST",
        SplitBody,
        is_body_required=True,
    ),
    Call(
        "merge_customers",
        "/customers/<uuid:customer_id>/merge",
        "Make one person of this customer and another.",
        decisions.merge,
        NoQuery,
        DecisionAnswer,
        (404,),
        "POST",
        MergeBody,
        is_body_required=True,
    ),
    Call(
        "decisions",
        "/decisions",
        "What was decided of who is who, and by whom; newest first.",
        decisions.get_decisions,
        DecisionsQuery,
        DecisionsAnswer,
    ),
    Call(
        "undo_decision",
        "/decisions/<uuid:decision_id>/undo",
        "Take a decision back, be it one that took back another.",
        decisions.take_back,
        NoQuery,
        DecisionAnswer,
        (404,),
        "POST",
        UndoDecisionBody,
    ),
    Call(
        "conflicts",
        "/conflicts",
        "Links that were refused: what was said, why nothing was done, whom it is about; said last, first.",
        conflicts.get_conflicts,
        conflicts.ConflictsQuery,
        conflicts.ConflictsAnswer,
    ),
    Call(
        "conflict",
        "/conflicts/<int:conflict_id>",
        "One refused link, while it is refused.",
        conflicts.get_conflict,
        NoQuery,
        conflicts.ConflictAnswer,
        (404,),
    ),
    Call(
        "leave_conflict",
        "/conflicts/<int:conflict_id>/leave",
        "Leave it as it is: the same, said again of the same two, is not asked again.",
        conflicts.leave,
        NoQuery,
        conflicts.ConflictMarkAnswer,
        (404,),
        "POST",
        conflicts.ConflictBody,
    ),
    Call(
        "reopen_conflict",
        "/conflicts/<int:conflict_id>/reopen",
        "Have it wait for a decision again.",
        conflicts.reopen,
        NoQuery,
        conflicts.ConflictMarkAnswer,
        (404,),
        "POST",
        conflicts.ConflictBody,
    ),
    Call(
        "merge_conflict",
        "/conflicts/<int:conflict_id>/merge",
        "Make one person of the two customers whom it is about.",
        conflicts.merge,
        NoQuery,
        DecisionAnswer,
        (404,),
        "POST",
        conflicts.ConflictBody,
    ),
    Call(
        "never_conflict",
        "/conflicts/<int:conflict_id>/never",
        "Have an id of it identify nobody, in messages received from a minute on.",
        conflicts.never,
        NoQuery,
        conflicts.ConflictMarkAnswer,
        (404, 409),
        "POST",
        conflicts.ConflictNeverBody,
    ),
    Call(
        "anonymise_customer",
        "/customers/<uuid:customer_id>/anonymise",
        "Keep a customer's events and take the person out of them.",
        erasures.anonymise,
        NoQuery,
        ErasureAnswer,
        (404,),
        "POST",
        ErasureBody,
    ),
    Call(
        "forget_customer",
        "/customers/<uuid:customer_id>/forget",
        "Delete all that is known of a customer, events and orders too.",
        erasures.forget,
        NoQuery,
        ErasureAnswer,
        (404,),
        "POST",
        ErasureBody,
    ),
    Call(
        "stop_tracking",
        "/customers/<uuid:customer_id>/stop_tracking",
        "Drop what is received of a customer from a minute from now on.",
        tracking.stop,
        NoQuery,
        TrackingAnswer,
        (404,),
        "POST",
        TrackingBody,
    ),
    Call(
        "resume_tracking",
        "/customers/<uuid:customer_id>/resume_tracking",
        "Take what is received of a customer again.",
        tracking.resume,
        NoQuery,
        TrackingAnswer,
        (404,),
        "POST",
        TrackingBody,
    ),
    Call(
        "tracking_stops",
        "/tracking_stops",
        "Who is tracked no more, without saying who it is; newest first.",
        tracking.get_stops,
        NoQuery,
        StopsAnswer,
    ),
    Call(
        "resume_tracking_stop",
        "/tracking_stops/<uuid:stop_id>/resume",
        "Take what is received of a stopped person again, whoever it is.",
        tracking.resume_one,
        NoQuery,
        StopRecordAnswer,
        (404,),
        "POST",
    ),
    Call(
        "erasures",
        "/erasures",
        "Who was anonymised or forgotten, without saying who it was; newest first.",
        erasures.get_erasures,
        NoQuery,
        ErasuresAnswer,
    ),
    Call(
        "erasure",
        "/erasures/<uuid:erasure_id>",
        "How far an anonymisation or a forgetting is.",
        erasures.get_erasure,
        NoQuery,
        ErasureRecord,
        (404,),
    ),
    Call(
        "events",
        "/events",
        "The project's events, newest first.",
        events.get_events,
        EventsQuery,
        EventsAnswer,
    ),
    Call(
        "identity_check",
        "/identity/check",
        "Whether the customers are what the ledger says, as it was last checked.",
        get_check,
        NoQuery,
        CheckAnswer,
        has_sandbox=False,
    ),
    Call(
        "begin_identity_check",
        "/identity/check",
        "Make all customers anew from the ledger and compare, and mend what differs.",
        begin_check,
        NoQuery,
        CheckBegunAnswer,
        (),
        "POST",
        CheckBody,
        has_sandbox=False,
    ),
    Call(
        "plan",
        "/plan",
        "The tracking plan in force.",
        plan.get_plan,
        PlanQuery,
        PlanAnswer,
        (404,),
        has_sandbox=False,
    ),
    Call(
        "save_plan",
        "/plan",
        "Make this the tracking plan, as a new version.",
        plan.put_plan,
        SavePlanQuery,
        PlanAnswer,
        (409,),
        "PUT",
        Plan,
        lambda kind, raw: parse_plan(raw),
        is_body_required=True,
        has_sandbox=False,
    ),
    *(
        Call(
            f"report_{report.name}",
            f"/reports/{report.name}",
            report.sentence,
            reports.answer_of(report),
            ReportQuery,
            reports.answer_type(report),
        )
        for report in reports.REPORTS.values()
    ),
)
