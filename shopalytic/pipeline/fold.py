"""Folding: what the overrides say of the rows is written into the rows, and the overrides are taken out.

Reports read a row's customer through the overrides. Each makes them a little slower, and every new one has the store
read all of them anew. So every hour, or every day where there are few, those that have come to rest go, in a round that anybody may leave at any
point and go on with, several at once too:

1. `begin_round` marks the overrides that the store has. Then the stream's ends are noted.
2. Once all that waited up to these ends is done, each month's rows are rewritten in which a row says something else
   than its report: `customer_id` becomes what the report reads, from the same dictionary. So no report sees the
   difference, in whatever order parts are rewritten, and whatever is decided meanwhile.
3. Once no row says anything else, each override of the round that is still the newest of its origin is replaced by an empty
   timeline, a version like any other (`fold_rounds.take_out`); the database forgets it. From then on the rows speak.

Why no row can arrive afterwards with an older customer, where there is no override any more to correct it. Let an
override with the timeline T be committed at c, and let it be the newest of its origin still when it is taken out.

- A worker that reads whose the origin is after c reads T, as the ledger says until there is a newer override.
- A worker that read before c had claimed its batch before c. The ends were noted after c, so the batch was waiting
  at or before them, or was acknowledged by then. The rows are looked at only once all that waited up to the ends is
  acknowledged. Whoever acknowledged a batch had inserted its rows before: they are among those that are looked at.
- A worker that stood still meanwhile, and inserts such a batch once more, gives the batch's token: the store takes nothing
  of it. This holds for as long as the store remembers the token (its last 10,000 blocks), and no worker may stand
  still for longer anyhow: else its rows would count twice. That a round rests for `REST` first has the same reason as
  everything that is done twice here: it costs nothing.
- A message that was quarantined and put back is read again, and its row has what is true by then.
- An anonymised row is stored anew under an origin that no ledger knows and no override is of.

Why a newer override is never lost: `take_out` holds the project's lock, under which versions rise. One that is newer is there,
and the empty timeline is not written; or it comes later, and has the higher version, in the store as well,
whichever arrives first. And since a timeline is written whole, it does not matter that the one before is gone.

Sandboxes are left out: they are small, and are deleted as a whole.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import msgspec
import structlog
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.db import reading
from shopalytic.accounts.models import FoldRound
from shopalytic.accounts.sandboxes import SANDBOX_IDS_FROM
from shopalytic.identity.fold_rounds import (
    begin_round,
    find_round,
    forget_rounds,
    projects_of_round,
    save_round,
    take_out,
)
from shopalytic.pipeline.overrides import naming_database_faults, send_overrides
from shopalytic.store import Store
from shopalytic.store.mutations import is_rewriting
from shopalytic.stream import Stream
from shopalytic.stream.hold import is_past, read_ends

log = structlog.get_logger(__name__)

REST = timedelta(minutes=30)
"""So long after its beginning a round looks at the first row."""
TURN_SECONDS = 1.0
"""How long a worker stays with it before messages have their turn; a look at one month may take longer."""
PATIENCE_SECONDS = 0.3
PAUSE_SECONDS = 0.02
OVERRIDES_AT_ONCE = 1000
ROUNDS_KEPT = timedelta(days=30)
WORTH_A_ROUND = 1000
LONGEST = timedelta(days=1)
"""A few overrides are folded once a day: a round looks at all rows of their projects."""


class Month(msgspec.Struct):
    name: str


class Found(msgspec.Struct):
    number: int


def begin(
    sessions: sessionmaker[Session], now: datetime, *, least: int = 1, longest: timedelta = timedelta(0)
) -> None:
    """Begin a round, unless one is under way or there is not enough to fold: fewer than `least`, none older than `longest`."""
    with naming_database_faults(), sessions.begin() as db:
        if find_round(db) is None:
            forget_rounds(db, now - ROUNDS_KEPT)
            begin_round(db, now, below_project=SANDBOX_IDS_FROM, least=least, longest=longest)


def is_due(sessions: sessionmaker[Session], now: datetime, *, rest: timedelta = REST) -> bool:
    """Whether a round is under way that has rested enough. Cheap."""
    with naming_database_faults(), reading(sessions) as db:
        found = find_round(db)
        return found is not None and (found.ends is None or found.begun_at <= now - rest)


def go_on(
    store: Store,
    sessions: sessionmaker[Session],
    stream: Stream,
    now: datetime,
    *,
    rest: timedelta = REST,
    turn_seconds: float = TURN_SECONDS,
) -> bool:
    """Work on the round for one turn, or until something has to pass first; True where none is under way any more.

    Raises Unavailable, StoreRefused; then too the round is gone on with later, by anybody.
    """
    ends_at = time.monotonic() + turn_seconds
    while True:
        with naming_database_faults(), reading(sessions) as db:
            round = find_round(db)
        if round is None:
            return True
        if not _advance(store, sessions, stream, round, now, rest) or time.monotonic() > ends_at:
            return False


def _advance(
    store: Store,
    sessions: sessionmaker[Session],
    stream: Stream,
    round: FoldRound,
    now: datetime,
    rest: timedelta,
) -> bool:
    """One step of the round; False where something has to pass first."""
    if round.ends is None:
        _save(sessions, round, ends=sorted(read_ends(stream).items()))
    elif round.begun_at > now - rest or not is_past(stream, dict(round.ends)):
        return False
    elif round.months is None:
        _save(sessions, round, months=_months(store, _projects(sessions, round)))
    elif round.months:
        if not _fold_month(store, _projects(sessions, round), round.months[0]):
            return False
        _save(sessions, round, months=round.months[1:])
    else:
        _take_out_some(store, sessions, round, now)
    return True


def _months(store: Store, projects: list[int]) -> list[str]:
    """The event table's partitions that hold rows of the projects. Rows of later are right by themselves."""
    if not projects:
        return []
    found = store.rows(
        Month,
        "SELECT DISTINCT _partition_id AS name FROM {{events}} "
        f"WHERE project_id IN ({_listed(projects)}) ORDER BY name",
    )
    return [month.name for month in found]


def _fold_month(store: Store, projects: list[int], month: str) -> bool:
    """Have a month's rows rewritten; True once each says what its report says.

    The statement names no person: the engine keeps its text on the disk.
    """
    if not projects:
        return True
    if not month.isalnum():
        raise ValueError(f"{month!r} is no partition's name")
    differs = f"project_id IN ({_listed(projects)}) AND customer_id != {{{{owner}}}}"
    look = "SELECT count() AS number FROM (SELECT 1 FROM {{events}} WHERE "
    look += f"_partition_id = '{month}' AND {differs} LIMIT 1)"
    ends_at = time.monotonic() + PATIENCE_SECONDS
    is_asked_for = False
    while store.rows(Found, look)[0].number:
        if not is_asked_for and not is_rewriting(store, "events"):
            store.command(
                "ALTER TABLE {{local('events')}} {{on_cluster}} "
                f"UPDATE customer_id = {{{{owner}}}} IN PARTITION ID '{month}' WHERE {differs} "
                "SETTINGS mutations_sync = 0, allow_nondeterministic_mutations = 1"
            )
            is_asked_for = True
        while is_rewriting(store, "events"):
            if time.monotonic() > ends_at:
                return False
            time.sleep(PAUSE_SECONDS)
        if time.monotonic() > ends_at:
            return False
    return True


def _take_out_some(store: Store, sessions: sessionmaker[Session], round: FoldRound, now: datetime) -> None:
    for project_id in _projects(sessions, round):
        with naming_database_faults(), sessions.begin() as db:
            looked_at, _ = take_out(db, round.id, project_id, OVERRIDES_AT_ONCE)
        if looked_at:
            send_overrides(store, sessions)
            return
    # What a crash left between the two lines above.
    send_overrides(store, sessions)
    with naming_database_faults(), sessions.begin() as db:
        save_round(db, round.id, done_at=now)
    log.info("folded overrides into the rows", round=round.id)


def _projects(sessions: sessionmaker[Session], round: FoldRound) -> list[int]:
    with naming_database_faults(), reading(sessions) as db:
        return projects_of_round(db, round.id)


def _save(sessions: sessionmaker[Session], round: FoldRound, **values: object) -> None:
    with naming_database_faults(), sessions.begin() as db:
        save_round(db, round.id, **values)


def _listed(projects: list[int]) -> str:
    return ", ".join(f"{project_id:d}" for project_id in projects)
