"""`customers/anonymize`: the person is taken out of the events, which stay."""

from __future__ import annotations

from contextlib import suppress

from shopalytic.accounts.db import reading
from shopalytic.accounts.models import Project as ProjectRow
from shopalytic.collector.exponea.reading import Asked, named_ids, to_json
from shopalytic.errors import NotFound, Rejected
from shopalytic.identity.derived import read_owners
from shopalytic.identity.ids import VISITOR, origin_id
from shopalytic.privacy import record
from shopalytic.reports.project import Project


def anonymize(asked: Asked) -> bytes:
    """Answers once it is recorded; a worker does it. Called again it answers the same, and begins nothing.

    Raises Rejected where nobody has the ids, or where they are of several customers: which one was meant cannot be
    guessed, and nothing brings the person back.
    """
    project_id = asked.project.project_id
    ids = named_ids(asked)
    with reading(asked.parts.sessions) as db:
        owners = read_owners(db, project_id, ids)
        row = db.get_one(ProjectRow, project_id)
    # With its currency: the proof says how much revenue it was about.
    project = Project(project_id, row.time_zone, row.currency)
    customers = {timeline[-1].customer_id for timeline in owners.values()}
    if len(customers) > 1:
        raise Rejected("The ids are of several customers; name one of them.", at="customer_ids")
    if not customers and ids[-1][0] == VISITOR:
        customers = {origin_id(project_id, *ids[-1])}
    with suppress(NotFound):
        for customer_id in customers:
            record.ask(asked.parts, project, customer_id, "anonymise", asked_by=f"key:{asked.key_id}")
            return to_json({"success": True})
    if any(record.find_erasure_of(asked.parts, project_id, f"{name} {value}") for name, value in ids):
        return to_json({"success": True})
    raise Rejected("No customer has these ids.", at="customer_ids")
