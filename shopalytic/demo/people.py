"""The demo shop's accounts, kept in a SQLite file of its own."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import NamedTuple

from werkzeug.security import check_password_hash, generate_password_hash


class Account(NamedTuple):
    id: int
    email: str
    first_name: str
    last_name: str


class People:
    """Opens the file for each call: the shop is small, and its threads share nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as database:
            database.executescript(
                "CREATE TABLE IF NOT EXISTS account (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT UNIQUE, "
                "first_name TEXT, last_name TEXT, password_hash TEXT);"
                "CREATE TABLE IF NOT EXISTS placed (id INTEGER PRIMARY KEY AUTOINCREMENT);"
            )

    def register(self, email: str, first_name: str, last_name: str, password: str) -> Account | None:
        """None where the address is taken."""
        try:
            with self._open() as database:
                cursor = database.execute(
                    "INSERT INTO account (email, first_name, last_name, password_hash) VALUES (?, ?, ?, ?)",
                    (email, first_name, last_name, generate_password_hash(password)),
                )
        except sqlite3.IntegrityError:
            return None
        assert cursor.lastrowid is not None
        return Account(cursor.lastrowid, email, first_name, last_name)

    def sign_in(self, email: str, password: str) -> Account | None:
        with self._open() as database:
            row = database.execute(
                "SELECT id, email, first_name, last_name, password_hash FROM account WHERE email = ?",
                (email,),
            ).fetchone()
        return Account(*row[:4]) if row and check_password_hash(row[4], password) else None

    def find(self, account_id: int) -> Account | None:
        with self._open() as database:
            row = database.execute(
                "SELECT id, email, first_name, last_name FROM account WHERE id = ?", (account_id,)
            ).fetchone()
        return Account(*row) if row else None

    def next_order_id(self) -> str:
        with self._open() as database:
            return f"D{100_000 + (database.execute('INSERT INTO placed DEFAULT VALUES').lastrowid or 0)}"

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=10)
