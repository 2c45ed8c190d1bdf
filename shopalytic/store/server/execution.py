"""Runs one request's statement: finds out what it is, feeds it its data, and gives its answer in pieces."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from shopalytic.store.server.blocks import BlockBody
from shopalytic.store.server.body import Buffer, Source, read_up_to
from shopalytic.store.server.codings import decode_body
from shopalytic.store.server.engine import TAG, Connection, quote, quote_identifier
from shopalytic.store.server.failures import (
    BAD_ARGUMENTS,
    QUERY_IS_TOO_LARGE,
    READONLY,
    StatementFailed,
    refusal,
)
from shopalytic.store.server.formats import can_be_pieced, piece_header
from shopalytic.store.server.multipart import Part, parse_multipart
from shopalytic.store.server.request import QueryRequest, parse_bindings
from shopalytic.store.server.rows import file_of
from shopalytic.store.server.running import Running
from shopalytic.store.server.sessions import Sessions
from shopalytic.store.server.statement import (
    InsertWithData,
    Statement,
    find_insert_with_data,
    parse_statement,
    point_kill_at,
)
from shopalytic.store.server.summary import Summary

_START_BYTES = 256 << 10
"""An INSERT's head lies within these; the engine takes no longer statement by default either."""
_STATEMENT_LIMIT_BYTES = 16 << 20
_FORM_LIMIT_BYTES = 512 << 20
_PIECE_BYTES = 1 << 20
_TAG_COLUMN = f"Settings['{TAG}']".encode()


class Answer(msgspec.Struct):
    """A statement's result. format: None where it has none, as after an INSERT.

    pieces: has to be kept for as long as one of its pieces is used.

    is_complete: the statement has ended well, and all pieces are there; otherwise they may still fail.
    """

    pieces: Iterable[Buffer]
    format: str | None
    summary: Summary
    is_complete: bool


class Prepared(msgspec.Struct):
    """A request whose statement is known, ready to take up a thread."""

    request: QueryRequest
    work: InsertWithData | Statement
    rows: Iterable[bytes] = ()
    tables: list[tuple[str, str, str, bytes]] = []
    """External tables: name, structure, format, rows."""


def prepare(request: QueryRequest, source: Source, content_type: str) -> Prepared:
    """Read as much of the body as it takes to know the statement; an INSERT's rows are left to be read later.

    Raises StatementFailed for what cannot be run.
    """
    source = decode_body(source, request.content_coding)
    if request.blocks_in:
        trusting = request.other.get("http_native_compression_disable_checksumming_on_decompress") == b"1"
        source = BlockBody(source, trusting=trusting)
    if content_type.lower().startswith("multipart/form-data"):
        return _prepare_form(request, source, content_type)
    # A line break between the two, as the server puts: it ends the head of an INSERT in the URL.
    prefix = request.query + b"\n" if request.query else b""
    start = prefix + read_up_to(source, _START_BYTES)
    if insert := find_insert_with_data(start):
        rows = itertools.chain([start[insert.data_start :]], _read_all(source))
        return Prepared(request, insert, rows)
    text = start + read_up_to(source, _STATEMENT_LIMIT_BYTES)
    if len(text) - len(start) == _STATEMENT_LIMIT_BYTES:
        raise refusal(QUERY_IS_TOO_LARGE, f"A statement may have {_STATEMENT_LIMIT_BYTES} bytes at most.")
    return Prepared(request, parse_statement(text))


def _read_all(source: Source) -> Iterator[bytes]:
    while piece := source.read(_PIECE_BYTES):
        yield piece


def _prepare_form(request: QueryRequest, source: Source, content_type: str) -> Prepared:
    body = read_up_to(source, _FORM_LIMIT_BYTES)
    if len(body) == _FORM_LIMIT_BYTES:
        raise refusal(QUERY_IS_TOO_LARGE, f"A form may have {_FORM_LIMIT_BYTES} bytes at most.")
    parts = parse_multipart(body, content_type)
    fields = [(part.name, part.data) for part in parts if not part.is_file]
    query = b"\n".join(filter(None, [request.query, *(data for name, data in fields if name == "query")]))
    request = msgspec.structs.replace(
        request, query=query, parameters=request.parameters | parse_bindings(fields)
    )
    described = dict(fields) | request.other
    tables = [_describe_table(part, described) for part in parts if part.is_file]
    if insert := find_insert_with_data(query):
        return Prepared(request, insert, [query[insert.data_start :]], tables)
    return Prepared(request, parse_statement(query), tables=tables)


def _describe_table(part: Part, described: dict[str, bytes]) -> tuple[str, str, str, bytes]:
    structure = described.get(f"{part.name}_structure", b"").decode()
    if types := described.get(f"{part.name}_types", b"").decode():
        structure = ", ".join(f"_{number} {kind}" for number, kind in enumerate(types.split(","), 1))
    if not structure:
        message = f"Neither {part.name}_structure nor {part.name}_types were given for the external table."
        raise refusal(BAD_ARGUMENTS, message)
    return part.name, structure, described.get(f"{part.name}_format", b"TabSeparated").decode(), part.data


@contextmanager
def execute(prepared: Prepared, sessions: Sessions, running: Running, scratch: Path) -> Iterator[Answer]:
    """Run it on this thread. The answer's pieces must be taken before the context ends."""
    request, work = prepared.request, prepared.work
    text = work.text if isinstance(work, Statement) else work.head
    keeps_state = isinstance(work, Statement) and work.keeps_state
    if prepared.tables:
        # The tables have to be filled before the connection becomes one that may only read.
        request = msgspec.structs.replace(request, session_id="", is_readonly=False)
    with sessions.connection(request, text, running.query_id, keeps_state=keeps_state) as connection:
        for name, structure, format_name, rows in prepared.tables:
            _fill_table(connection, name, structure, format_name, rows)
        if prepared.tables and prepared.request.is_readonly:
            connection.apply([("readonly", b"2")], {})
        if isinstance(work, Statement):
            yield _answer(connection, work, request, running)
        else:
            # The engine's way in for rows does not look at `readonly`.
            if prepared.request.is_readonly or any(
                name == "readonly" and value != b"0" for name, value in request.settings
            ):
                raise refusal(READONLY, "default: Cannot execute query in readonly mode.")
            summary = Summary()
            _insert(connection, work, prepared.rows, summary, scratch)
            yield Answer((), None, summary, True)


def _answer(connection: Connection, statement: Statement, request: QueryRequest, running: Running) -> Answer:
    running.may_be_stopped = statement.reads_only
    summary = Summary()
    name = statement.format or request.default_format
    running.check()
    if statement.reads_only and can_be_pieced(name, statement.text, request.settings):
        return Answer(
            _join(connection.stream(statement.text, name, summary), name, running), name, summary, False
        )
    text = point_kill_at(statement.text, _TAG_COLUMN)
    try:
        pieces = connection.query(text, name, summary)
    except StatementFailed:
        running.check()
        raise
    return Answer(pieces, name if statement.gives_rows else None, summary, True)


def _join(pieces: Iterator[memoryview], name: str, running: Running) -> Iterator[Buffer]:
    """The pieces as one document: what each repeats at its beginning is left out but once."""
    header = b""
    try:
        for piece in pieces:
            running.check()
            if not header:
                header = piece_header(name, bytes(piece))
                yield piece
            elif bytes(piece[: len(header)]) == header:
                yield piece[len(header) :]
            else:
                yield piece
    except StatementFailed:
        running.check()
        raise


def _insert(
    connection: Connection, insert: InsertWithData, rows: Iterable[bytes], summary: Summary, scratch: Path
) -> None:
    if insert.input_call is None:
        connection.insert(insert.head, insert.format, rows, summary)
        return
    # The engine feeds input() from its own client only: the rows take the way over a file instead.
    name_start, arguments_start, end = insert.input_call
    with file_of(rows, scratch) as path:
        head = insert.head
        arguments = head[arguments_start : end - 1].strip()
        call = b"file(" + quote(path) + b", " + quote(insert.format.encode())
        call += (b", " + arguments if arguments else b"") + b")"
        statement = parse_statement(head[:name_start] + call + head[end:])
        connection.query(statement.text, "TabSeparated", summary)


def _fill_table(connection: Connection, name: str, structure: str, format_name: str, rows: bytes) -> None:
    table = quote_identifier(name.encode())
    connection.execute(b"CREATE TEMPORARY TABLE " + table + b" (" + structure.encode() + b") ENGINE = Memory")
    connection.insert(b"INSERT INTO " + table, format_name, [rows], Summary())
