"""The tracking plan as a file, and its earlier versions."""

from __future__ import annotations

import re
from typing import Any

from flask import Response, render_template, request

from shopalytic.accounts.db import reading
from shopalytic.accounts.plans import find_version, get_version, list_versions, read_plan
from shopalytic.errors import Rejected
from shopalytic.events.plan import Plan, format_plan, parse_plan
from shopalytic.events.plan_changes import find_changes
from shopalytic.web.dashboard.access import get_parts, here, owners_only, pages
from shopalytic.web.dashboard.plan_saving import save


@pages.get("/plan/versions", endpoint="plan_versions")
def show_versions() -> str:
    return versions_page()


@pages.get("/plan/file", endpoint="plan_file")
def give_file() -> Response:
    """The JSON file of the version asked for, or of the one in force."""
    version = request.args.get("version", type=int)
    project = here().project
    with reading(get_parts().sessions) as db:
        row = get_version(db, project.id, version) if version else find_version(db, project.id)
    name = re.sub(r"[^A-Za-z0-9]+", "-", project.name).strip("-").lower() or "project"
    number = f"-v{row.version}" if row else ""
    return Response(
        row.plan if row else format_plan(Plan()),
        mimetype="application/json",
        headers={"Content-Disposition": f'attachment; filename="tracking-plan-{name}{number}.json"'},
    )


@pages.post("/plan/file", endpoint="take_plan_file")
@owners_only
def take_file() -> Any:
    """A file that was chosen, or its text."""
    sent = request.files.get("file")
    text: bytes | str = sent.read() if sent and sent.filename else request.form.get("plan", "")
    if not text:
        return Response(versions_page(problem="Choose a file, or paste what stands in it."), 422)
    try:
        plan = parse_plan(text)
    except Rejected as error:
        return Response(versions_page(problem=error.message), 422)
    return save(plan, lambda error: versions_page(problem=error.message))


@pages.post("/plan/restore", endpoint="restore_plan")
@owners_only
def take_restore() -> Any:
    """The plan of an earlier version becomes a new version."""
    with reading(get_parts().sessions) as db:
        row = get_version(db, here().project.id, request.form.get("version", 0, type=int))
    return save(read_plan(row))


def versions_page(*, problem: str = "") -> str:
    with reading(get_parts().sessions) as db:
        versions = list_versions(db, here().project.id)
    plans = [read_plan(row) for row in versions] + (
        [Plan()] if versions and versions[-1].version == 1 else []
    )
    shown = [
        (row, find_changes(plans[at + 1], plans[at]) if at + 1 < len(plans) else None)
        for at, row in enumerate(versions)
    ]
    return render_template(
        "dashboard/plan_versions.html",
        versions=shown,
        version=versions[0].version if versions else 0,
        text=request.form.get("plan") or (versions[0].plan if versions else format_plan(Plan())),
        problem=problem,
    )
