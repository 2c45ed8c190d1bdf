"""Reads just enough of a statement to know where an INSERT's data begins and what the answer's format is.

The engine's own text entry points mix data with statements (inline data may go on as SQL after a `;`), so the
two have to be told apart here, before the engine sees either.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from shopalytic.store.server.failures import (
    INTO_OUTFILE_NOT_ALLOWED,
    SUPPORT_IS_DISABLED,
    SYNTAX_ERROR,
    refusal,
)

_SKIPPED = re.compile(rb"(?:[\s\x00]+|--[^\n]*|#[ !][^\n]*)+")
_COMMENT_MARK = re.compile(rb"/\*|\*/")
_TOKEN = re.compile(
    rb"""(?P<word>[A-Za-z_\x80-\xff][\w$\x80-\xff]*)
    |(?P<quoted>'[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*+'
        |"[^"\\]*+(?:(?:\\.|"")[^"\\]*+)*+"
        |`[^`\\]*+(?:(?:\\.|``)[^`\\]*+)*+`
        |\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    |(?P<number>\d[\w.]*)
    |(?P<mark>.)""",
    re.VERBOSE | re.DOTALL,
)
_DATA_START = re.compile(rb"[ \t\f]*\r?\n?")
_SAYS_ROWS = {
    b"SELECT",
    b"WITH",
    b"FROM",
    b"(",
    b"SHOW",
    b"DESC",
    b"DESCRIBE",
    b"EXPLAIN",
    b"EXISTS",
    b"CHECK",
}
_SAYS_ROWS |= {b"KILL", b"BACKUP", b"RESTORE"}
_READS = {b"SELECT", b"WITH", b"FROM", b"("}
# The engine's client half takes these words as its own commands and answers nothing at all.
_CLIENT_COMMANDS = {b"EXIT", b"QUIT", b"LOGOUT", b"Q"}
_KEEPS_STATE = {b"SET", b"USE"}


class Token(NamedTuple):
    kind: str
    start: int
    end: int
    upper: bytes
    """The text in upper case; empty for quoted tokens, which are no keywords."""
    depth: int
    """Brackets that are open around it; an opening bracket counts as outside."""


class InsertWithData(msgspec.Struct, frozen=True):
    """An INSERT whose rows follow it.

    head: the statement without its FORMAT or VALUES. data_start: where in the text the rows begin.
    input_call: bounds of `input(…)`'s name and of the whole call within `head`, for INSERT … SELECT … FROM
    input(…); None for a plain INSERT.
    """

    head: bytes
    format: str
    data_start: int
    input_call: tuple[int, int, int] | None = None


class Statement(msgspec.Struct, frozen=True):
    """Any other statement. format: what its FORMAT clause says; None without one."""

    text: bytes
    format: str | None
    gives_rows: bool
    reads_only: bool
    keeps_state: bool


def iterate_tokens(text: bytes, position: int = 0) -> Iterator[Token]:
    """Tokens as ClickHouse's lexer cuts them, comments left out; ends quietly at an unclosed comment or quote."""
    depth = 0
    while position < len(text):
        if skipped := _SKIPPED.match(text, position):
            position = skipped.end()
            continue
        if text.startswith(b"/*", position):
            position = _comment_end(text, position)
            continue
        match = _TOKEN.match(text, position)
        if match is None:
            return
        kind = match.lastgroup or "mark"
        kind = "quoted" if kind == "tag" else kind
        upper = b"" if kind == "quoted" else match[0].upper()
        if upper in (b"'", b'"', b"`"):
            return
        if upper in (b")", b"]", b"}"):
            depth -= 1
        yield Token(kind, match.start(), match.end(), upper, depth)
        if upper in (b"(", b"[", b"{"):
            depth += 1
        position = match.end()


def _comment_end(text: bytes, position: int) -> int:
    depth = 0
    for mark in _COMMENT_MARK.finditer(text, position):
        depth += 1 if mark[0] == b"/*" else -1
        if depth == 0:
            return mark.end()
    return len(text)


def find_insert_with_data(text: bytes) -> InsertWithData | None:
    """The INSERT that `text` begins with, if its rows follow in `text` or may follow in the rest of the body.

    text: the beginning of a request; whatever comes after the statement's head is not looked at.
    """
    tokens = iterate_tokens(text)
    first = next(tokens, None)
    if first is None or first.upper != b"INSERT":
        return None
    into = next(tokens, None)
    last = into
    if into is not None and into.upper == b"INTO":
        last = next(tokens, None)
    if last is not None and last.upper in (b"TABLE", b"FUNCTION"):
        # `INSERT INTO TABLE t`, `INSERT INTO FUNCTION f(…)`, or a table that is really called so.
        last = next(tokens, None) or last
    previous, select_seen, input_call = last, False, None
    for token in tokens:
        if previous is None:
            return None
        keyword = token.upper if token.depth == 0 and previous.upper != b"." else b""
        if keyword == b"INFILE" and previous.upper == b"FROM":
            return None
        if keyword == b"VALUES" and not select_seen:
            return InsertWithData(text[first.start : previous.end], "Values", token.end)
        if keyword == b"FORMAT" and (not select_seen or input_call):
            return _after_format(text, first, previous, tokens, input_call)
        if keyword in (b"SELECT", b"WITH") or (keyword == b"(" and _opens_select(text, token.end)):
            select_seen = True
        if select_seen and not input_call and token.upper == b"(" and previous.upper == b"INPUT":
            input_call = (previous.start - first.start, token.end - first.start, 0)
            opened_at = token.depth
        elif input_call and not input_call[2] and token.upper == b")" and token.depth == opened_at:
            input_call = (*input_call[:2], token.end - first.start)
        previous = token
    return None


def _after_format(
    text: bytes,
    first: Token,
    previous: Token,
    tokens: Iterator[Token],
    input_call: tuple[int, int, int] | None,
) -> InsertWithData | None:
    name = next(tokens, None)
    if name is None or name.kind not in ("word", "quoted"):
        return None
    word = text[name.start : name.end].strip(b"`\"'").decode("utf-8", "replace")
    start = _DATA_START.match(text, name.end)
    end = start.end() if start else name.end
    if word.upper() == "VALUES":
        end = name.end
    return InsertWithData(text[first.start : previous.end], word, end, input_call)


def _opens_select(text: bytes, position: int) -> bool:
    following = next(iterate_tokens(text, position), None)
    return following is not None and following.upper in (b"SELECT", b"WITH", b"(")


def parse_statement(text: bytes) -> Statement:
    """One statement that is run whole. Raises StatementFailed for what this server does not let through:
    several statements at once, the client's own commands, files of the server, and stopping the engine."""
    tokens = list(iterate_tokens(text))
    while tokens and tokens[-1].upper == b";":
        tokens.pop()
    if not tokens:
        raise refusal(SYNTAX_ERROR, "Syntax error: failed at position 1 (end of query): Empty query.")
    first = tokens[0]
    words = [token.upper for token in tokens]
    if b";" in words:
        at = tokens[words.index(b";")].start + 1
        raise refusal(
            SYNTAX_ERROR,
            f"Syntax error (Multi-statements are not allowed): failed at position {at} (end of query).",
        )
    if (first.kind not in ("word", "quoted") and first.upper != b"(") or first.upper in _CLIENT_COMMANDS:
        shown = text[first.start : first.end].decode("utf-8", "replace")
        raise refusal(SYNTAX_ERROR, f"Syntax error: failed at position {first.start + 1} ({shown}).")
    _refuse_files(words)
    if first.upper == b"SYSTEM" and words[1:2] in ([b"SHUTDOWN"], [b"KILL"]):
        raise refusal(SUPPORT_IS_DISABLED, "The embedded store is stopped by stopping its process.")
    inserts = first.upper == b"WITH" and b"INSERT" in words
    return Statement(
        text=text[first.start : tokens[-1].end],
        format=_find_format(text, tokens),
        gives_rows=first.upper in _SAYS_ROWS and not inserts,
        reads_only=first.upper in _READS and not inserts,
        keeps_state=first.upper in _KEEPS_STATE or words[:2] == [b"CREATE", b"TEMPORARY"],
    )


def _refuse_files(words: list[bytes]) -> None:
    pairs = set(itertools.pairwise(words))
    if (b"INTO", b"OUTFILE") in pairs:
        raise refusal(INTO_OUTFILE_NOT_ALLOWED, "INTO OUTFILE is not allowed.")
    if (b"FROM", b"INFILE") in pairs and words[0] == b"INSERT":
        raise refusal(SUPPORT_IS_DISABLED, "FROM INFILE works in the client, not over HTTP.")


def _find_format(text: bytes, tokens: list[Token]) -> str | None:
    """The format of a trailing `FORMAT name [SETTINGS …]`; a column or alias called `format` is none."""
    end = len(tokens)
    for index in range(end - 1, 0, -1):
        token = tokens[index]
        if token.depth == 0 and token.upper == b"SETTINGS":
            end = index
        if token.depth == 0 and token.upper == b"FORMAT" and index + 2 == end:
            before = tokens[index - 1]
            if before.upper in (b"SELECT", b"AS", b".", b","):
                return None
            name = tokens[index + 1]
            if name.kind in ("word", "quoted"):
                return text[name.start : name.end].strip(b'`"').decode("utf-8", "replace")
    return None


def point_kill_at(text: bytes, expression: bytes) -> bytes:
    """In a KILL QUERY, `expression` instead of the column `query_id`; any other statement as it is.

    Clients stop a query by the id that they gave it, which the engine knows as a setting only.
    """
    tokens = list(iterate_tokens(text))
    if [token.upper for token in tokens[:2]] != [b"KILL", b"QUERY"]:
        return text
    for token in reversed(tokens):
        if token.upper == b"QUERY_ID":
            text = text[: token.start] + expression + text[token.end :]
    return text
